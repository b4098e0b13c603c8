package api

import "strings"

// rules checks what keys mean together. It reads only values that are allowed
// each by itself.
func (c *checker) rules(r reader, s *Spec) {
	if v, _ := r.doc.Lookup("metadata.name"); v == nil {
		c.add("metadata.name", nil, "missing: a service needs a name: %s are allowed", nameAllowed)
	}
	if s.Group != "" && s.Group == s.Name {
		c.add("metadata.group", s.Group, "services and groups share one namespace; give the group a name of its own")
	}
	if isAddress(s.ModelPath) {
		c.add("model_path", s.ModelPath, "an address: nothing is downloaded; fetch the model first, and name its file or folder on this machine")
	}
	c.boundRules(s.Strategy)
	if !c.containerRules(r) {
		return
	}
	c.programRules(r, s)
	c.envRules(s.Container.Env)
	for _, name := range []string{"startup_check", "health_check", "liveness_check"} {
		c.checkRules(r, "containers[0]."+name)
	}
}

// containerRules tells whether there is a container to look into.
func (c *checker) containerRules(r reader) bool {
	const at = "containers"
	value, _ := r.doc.Lookup(at)
	list, isList := value.([]any)
	switch {
	case value == nil:
		c.add(at, nil, `missing: a service needs one container with a "command" or a "script"`)
	case isList && len(list) == 0:
		c.add(at, list, "empty: exactly one container is needed")
	case len(list) > 1:
		c.add(at, nil, "%d containers: exactly one is allowed; make a service of each, or start the others from a script", len(list))
	}
	if len(list) == 0 {
		return false
	}
	_, isObject := list[0].(map[string]any)
	return isObject
}

// boundRules refuses the two bounds that leave an update no way to move, when
// both are written so (design rule 2). Where one is a default, max_unavailable
// counts as 1 instead.
func (c *checker) boundRules(s Strategy) {
	if s.MaxSurge != nil && s.MaxSurge.Value == 0 && s.MaxUnavailable != nil && s.MaxUnavailable.Value == 0 {
		c.add("metadata.rolling_strategy", map[string]any{"max_surge": s.MaxSurge, "max_unavailable": s.MaxUnavailable},
			"max_surge and max_unavailable are both 0, so that no replica could ever be replaced; set one of them to at least 1 or leave it out")
	}
}

// maxScriptBytes is what Linux passes to a program in one argument (128 KiB with
// the final zero byte).
const maxScriptBytes = 128<<10 - 1

func (c *checker) programRules(r reader, s *Spec) {
	const at = "containers[0]"
	command, script := r.given(at+".command"), r.given(at+".script")
	refused := func(key string) bool {
		v, _ := r.doc.Lookup(at + key)
		return v != nil && r.given(at+key) == nil
	}
	switch {
	case refused(".command") || refused(".script"):
	case command != nil && script != nil:
		c.add(at+".script", shorten(s.Container.Script), "both command and script are given; exactly one is allowed")
	case command == nil && script == nil && s.Container.Image != "":
		c.add(at+".command", nil, "missing: the process runtime runs no image; add a command (a program and its arguments) or a script (text for sh) that starts the server on this machine")
	case command == nil && script == nil:
		c.add(at+".command", nil, "missing: a command (a program and its arguments) or a script (text for sh) is needed")
	case script != nil && strings.TrimSpace(s.Container.Script) == "":
		c.add(at+".script", s.Container.Script, "empty: text for sh is needed")
	case len(s.Container.Script) > maxScriptBytes:
		c.add(at+".script", len(s.Container.Script), "bytes of script: at most %d are allowed; put it into a file and run that", maxScriptBytes)
	case command != nil:
		// Unknown variables count as "1", which is a word, a number and not empty.
		if _, err := Words(s.Container.Command, s.lookupEnv(func(string) string { return "1" })); err != nil {
			c.add(at+".command", s.Container.Command, "%s", err)
		}
	}
}

// lookupEnv gives a replica's variables as far as the file knows them.
func (s *Spec) lookupEnv(other func(string) string) func(string) string {
	return func(name string) string {
		if name == "MODEL_PATH" && s.ModelPath != "" {
			return s.Abs(s.ModelPath)
		}
		for _, e := range s.Container.Env {
			if e.Name == name && !e.Secret { // a secret is known to replicas alone
				return e.Value
			}
		}
		return other(name)
	}
}

func (c *checker) envRules(env []EnvVar) {
	first := map[string]int{}
	for i, e := range env {
		at := joinIndex("containers[0].env", i)
		if e.Name == "" {
			if !c.hasProblemAt(at) {
				c.add(at+".name", nil, "missing: every variable needs a name")
			}
			continue
		}
		if j, twice := first[e.Name]; twice {
			c.add(at+".name", e.Name, "the variable is set twice, by %s too; remove one", joinIndex("containers[0].env", j))
			continue
		}
		first[e.Name] = i
	}
}

func (c *checker) hasProblemAt(path string) bool {
	for _, p := range c.problems {
		if p.Path == path || strings.HasPrefix(p.Path, path+".") {
			return true
		}
	}
	return false
}

func (c *checker) checkRules(r reader, at string) {
	if r.given(at) == nil {
		return
	}
	var kinds []string
	for _, kind := range []string{"http_get", "tcp_socket", "exec", "grpc"} {
		if v, _ := r.doc.Lookup(at + "." + kind); v != nil {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		c.add(at, r.given(at), "the check has no kind; exactly one of http_get, tcp_socket, exec and grpc is allowed")
	case len(kinds) > 1:
		c.add(at, r.given(at), "the check has %d kinds, %s; exactly one is allowed", len(kinds), strings.Join(kinds, " and "))
	case kinds[0] == "exec" && r.length(at+".exec.command") == 0 && !c.hasProblemAt(at+".exec.command"):
		c.add(at+".exec.command", nil, "missing: a list of the program and its arguments is needed, such as [\"./ready.sh\", \"--quick\"]")
	case kinds[0] == "exec" && r.length(at+".exec.command") > 0 && r.text(at+".exec.command[0]") == "":
		c.add(at+".exec.command[0]", "", "empty: it has to name the program")
	}
}
