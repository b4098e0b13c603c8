// Package modules tests the console's modules that compute without showing
// anything: shares of a group, what a chart is drawn from, which lines of a
// comparison are left out. They run where they run for people, in Chromium; the
// pages themselves are tested in test/browser.
package modules
