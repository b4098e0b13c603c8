// Package gate judges measured numbers: it takes a rule (api.GateRule) and what
// was counted at new and at old replicas over the same window, and says pass,
// fail, no_data or unsure, with the numbers and a sentence why. It is core: no
// clock, no I/O, no state. Package probe asks Prometheus, HTTP and commands;
// the gateways count (internal/gateway/hub); the controller decides when to ask.
//
// A gate is looked at every second for as long as it takes. A test of fixed
// size, looked at so often, finds a difference that is not there sooner or
// later. Everything here is therefore anytime-valid: a verdict rests on an
// e-process, the wealth of a bettor who starts with 1 and bets against a claim
// at odds that are fair if the claim is true. By Ville's inequality such wealth
// ever reaches 1/a with probability at most a, however often and whenever is
// looked, and whatever is decided on the way. So the chance that a gate whose
// new replicas keep the limit ever fails is at most 1-confidence, and so is the
// chance that one whose new replicas break it ever passes.
//
// The wealth is a function of counts alone: a Beta mixture of likelihoods
// divided by the highest likelihood that the claim allows. So Judge needs no
// memory, and a control plane that starts again goes on where it was.
//
// Sources: J. Ville, Étude critique de la notion de collectif, 1939.
// H. Robbins, Statistical methods related to the law of the iterated logarithm,
// Ann. Math. Stat. 41, 1970 (mixtures). L. Wasserman, A. Ramdas,
// S. Balakrishnan, Universal inference, PNAS 117, 2020 (composite claims).
// R. Turner, A. Ly, P. Grünwald, Generic E-variables for exact sequential
// k-sample tests that allow for optional stopping, J. Stat. Plan. Inference 230,
// 2024 (two streams of yes and no). S. Howard, A. Ramdas, Sequential estimation
// of quantiles with applications to A/B testing and best-arm identification,
// Bernoulli 28, 2022. M. Lindon, A. Malek, Anytime-valid inference for
// multinomial count data, NeurIPS 2022 (rates).
package gate
