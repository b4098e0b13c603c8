// Package browser checks the console in a real Chromium: the real sluice binary
// serves it, real replicas stand behind it, and the tests do what a person does.
// They look for buttons by role and name, press where these are on the screen,
// and read what is shown. What goes wrong unseen fails them, too: errors in the
// browser's console, broken rules of the content security policy, requests that
// fail or go to another host (package chrome).
//
// Without a Chromium they are skipped; with SLUICE_TEST_BROWSER=required, as the
// gate has it, they fail. $SLUICE_TEST_CHROMIUM names one that is not in PATH.
// Nothing here waits for a fixed time, and no short time is asserted: what is
// measured is reported, and bounded generously.
package browser
