package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Warnings says what a valid service file asks for and does not get, one
// sentence for each key with its reason, and what is allowed but seldom meant.
// Of a document that Parse refuses it says only the former.
func Warnings(doc Document) []string {
	w := &warner{}
	w.object("", keyTree, doc.root)
	if spec, err := Parse(doc); err == nil {
		w.adviseBounds(spec)
		w.adviseContainer(spec)
		w.adviseTraffic(spec, doc)
	}
	return w.out
}

type warner struct{ out []string }

func (w *warner) say(path, format string, args ...any) {
	w.out = append(w.out, path+": "+fmt.Sprintf(format, args...))
}

// object says each reason once, at the outermost key that has one.
func (w *warner) object(path string, node *keyNode, object map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		w.value(joinField(path, name), inside(node, name), object[name])
	}
}

func (w *warner) value(path string, node *keyNode, value any) {
	if value == nil || value == "" || node == nil || node.free() && node.key.Effect == EffectUsed {
		return // empty text is EAS's way to leave a key out: "resource": "" is public
	}
	if key := node.key; key != nil && key.Path == node.path && key.Why != "" {
		switch key.Effect {
		case EffectLater:
			w.say(path, "%s", key.Why)
		case EffectNone:
			w.say(path, "no effect here: %s", key.Why)
		}
		return
	}
	switch v := value.(type) {
	case map[string]any:
		w.object(path, node, v)
	case []any:
		for i := range v {
			w.value(joinIndex(path, i), node.element, v[i])
		}
	}
}

func (w *warner) adviseBounds(s *Spec) {
	const at = "metadata.rolling_strategy.max_unavailable"
	n := s.Instance
	gone := 0
	if s.Strategy.MaxUnavailable != nil {
		gone = s.Strategy.MaxUnavailable.Down(n)
	}
	if gone == 0 && s.Strategy.MaxSurge != nil && s.Strategy.MaxSurge.Up(n) == 0 {
		gone = 1 // both resolve to 0 (design rule 2)
	}
	if n > 0 && gone >= n {
		replicas, them := "the only replica", "it"
		if n > 1 {
			replicas, them = fmt.Sprintf("all %d replicas", n), "them"
		}
		w.say(at, "an update may stop %s before there is a new one in place of %s: a brief outage; set max_unavailable to 0 and max_surge to at least 1 to avoid it", replicas, them)
	}
	if s.Drain.Grace == 0 {
		w.say("metadata.eas.termination_grace_period", "0 cuts every request that a replica still has in hand when it leaves the traffic")
	}
}

func (w *warner) adviseContainer(s *Spec) {
	c := s.Container
	if c.Port == 8080 || c.Port == 9090 {
		w.say("containers[0].port", "%d is reserved by EAS's engine; it works here, but not there", c.Port)
	}
	if c.HealthDefaulted {
		w.say("containers[0].health_check", "not given; a tcp check on the port stands in, which cannot tell a loaded model from an open port")
	}
	if startup := c.Startup; startup != nil && startup.FailureThresholdSet && s.StartupDeadline() == s.Strategy.StartupTimeout &&
		float64(startup.FailureThreshold)*startup.Period.Seconds()+startup.InitialDelay.Seconds() > s.Strategy.StartupTimeout.Seconds() {
		w.say("containers[0].startup_check", "it allows more time than metadata.rolling_strategy.startup_timeout, %s, which ends it", s.Strategy.StartupTimeout)
	}
	for i, e := range c.Env {
		if e.Name == "PORT" || e.Name == "MODEL_PATH" && s.ModelPath != "" || strings.HasPrefix(e.Name, "SLUICE_") {
			w.say(joinIndex("containers[0].env", i), "%s is set by Sluice for each replica; the file's value is not used", e.Name)
		}
		if !e.Secret && e.Value != "" && looksSecret(e.Name) {
			w.say("containers[0].env["+e.Name+"]", "it looks like a secret, and is stored and shown in clear; \"secret\": true beside it, or --set containers[0].env[%s].secret=true, seals it", e.Name)
		}
	}
}

func (w *warner) adviseTraffic(s *Spec, doc Document) {
	if s.Group != "" {
		return
	}
	for _, key := range []string{"metadata.weight", "metadata.traffic_state"} {
		if v, _ := doc.Lookup(key); v != nil {
			w.say(key, "without metadata.group it means nothing")
		}
	}
}
