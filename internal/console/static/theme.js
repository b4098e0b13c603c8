// Runs before the first paint, so that a chosen theme does not flash. "light" or
// "dark" is a choice; without one the system's counts.
(function () {
  var chosen = null;
  try { chosen = localStorage.getItem("sluice.theme"); } catch (e) { /* storage is off: no choice is kept */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
