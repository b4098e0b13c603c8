package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

func TestSet(t *testing.T) {
	for _, c := range []struct{ assignment, path, want string }{ // want is JSON
		{"containers[0].image=registry/model:2", "containers[0].image", `"registry/model:2"`},
		{"containers[0].command=./a --b=c", "containers[0].command", `"./a --b=c"`},
		{"metadata.instance=8", "metadata.instance", `8`},
		{"metadata.rolling_strategy.max_surge=50%", "metadata.rolling_strategy.max_surge", `"50%"`},
		{"metadata.rolling_strategy.max_surge=3", "metadata.rolling_strategy.max_surge", `3`},
		{"metadata.eas.termination_grace_period=0.5", "metadata.eas.termination_grace_period", `0.5`},
		{"runtime.termination_grace_period=9", "metadata.eas.termination_grace_period", `9`},
		{"metadata.rpc.enable_sigterm=true", "metadata.rpc.enable_sigterm", `true`},
		{"metadata.group=8", "metadata.group", `"8"`},
		{"metadata.workspace_id=true", "metadata.workspace_id", `"true"`},
		{`metadata.workspace_id="8"`, "metadata.workspace_id", `"8"`},
		{`metadata.workspace_id="null"`, "metadata.workspace_id", `"null"`},
		{`containers[0].command="open`, "containers[0].command", `"\"open"`},
		{"model_path=", "model_path", `""`},
		{"containers[0].env[0].value=7", "containers[0].env[0].value", `"7"`},
		{"containers[0].env[A]=7", "containers[0].env[0].value", `"7"`},
		{"containers[0].env[A].value=7", "containers[0].env[0].value", `"7"`},
		{"containers[0].env[B]=x=y", "containers[0].env[1]", `{"name":"B","value":"x=y"}`},
		{"containers[0].env[B]={\"a\": 1}", "containers[0].env[B].value", `"{\"a\": 1}"`},
		{"containers[0].env[A]=null", "containers[0].env", `[]`},
		{"containers[0].env[0]=null", "containers[0].env", `[]`},
		{"containers[0].readiness_check.http_get.path=/x", "containers[0].health_check", `{"http_get":{"path":"/x"}}`},
		{`containers[0].health_check={"tcp_socket.port":5}`, "containers[0].health_check", `{"tcp_socket":{"port":5}}`},
		{`containers[0].env=[{"name":"C","value":"3"}]`, "containers[0].env[0].name", `"C"`},
		{"labels.app.kubernetes.io/name=chat", `labels["app.kubernetes.io/name"]`, `"chat"`},
		{`labels["app.kubernetes.io/name"]=chat`, `labels["app.kubernetes.io/name"]`, `"chat"`},
		{`labels["a=b"]=c`, `labels["a=b"]`, `"c"`},
		{"labels.n=5", "labels.n", `"5"`},
		{"labels=null", "labels", `null`},
		{"autoscaler.min=1", "autoscaler", `{"min":1}`},
		{"metadata.group=null", "metadata.group", `null`},
		{"metadata.weight=-1", "metadata.weight", `-1`},
	} {
		got, err := api.Set(document(t, current), c.assignment)
		if err != nil {
			t.Errorf("%s: %v", c.assignment, err)
			continue
		}
		value, found := got.Lookup(c.path)
		encoded, _ := json.Marshal(value)
		if !found || string(encoded) != c.want {
			t.Errorf("%s: %s is %s (found %v), want %s", c.assignment, c.path, encoded, found, c.want)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for _, c := range []struct{ assignment, want string }{
		{"metadata.instance", "PATH=VALUE is expected"},
		{"=5", "path is empty"},
		{"metadata..name=5", "empty name"},
		{"containers[0=5", "PATH=VALUE is expected"},
		{"containers[]=5", "needs a number or a name"},
		{"metadata.instanse=5", `metadata.instanse: unknown key; did you mean "instance"?`},
		{"instance=5", "it is known as metadata.instance"},
		{"eas.termination_grace_period=5", "it is known as metadata.eas.termination_grace_period"},
		{"containers[0].imagee=x", `containers[0].imagee: unknown key; did you mean "image"?`},
		{"metadata.name.x=5", "nothing is allowed inside this one"},
		{"containers[1].image=x", "[1] is outside of containers; [0] to [0] are allowed"},
		{"containers[0].env[1].value=x", "[1] is outside of containers[0].env"},
		{"containers[0].env[1]=x", "[1] is outside of containers[0].env"},
		{"containers[0].env[B].value=x", "containers[0].env has no entry with this name"},
		{"storage[0].mount_path=x", "storage, which is empty"},
		{"containers.image=x", "containers is a list; an index such as [0] is needed"},
		{"containers[main].image=x", "[main]: an index such as [0] is needed"},
		{"metadata[0]=x", "metadata is not a list"},
		{`autoscaler={"a":1,"a":2}`, "written twice"},
		{`metadata={"eas.drain":"idle","eas":{"drain":"x"}}`, "two spellings"},
	} {
		got, err := api.Set(document(t, current), c.assignment)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v (%s), want %q", c.assignment, err, got.JSON(), c.want)
		}
	}
	odd := document(t, `{"metadata":5,"containers":[7]}`)
	for _, assignment := range []string{"metadata.name=x", "containers[0].image=x", "metadata.rpc.keepalive=1"} {
		if _, err := api.Set(odd, assignment); err == nil || !strings.Contains(err.Error(), "is a number, nothing can be set inside it") {
			t.Errorf("%s in %s: %v", assignment, odd.JSON(), err)
		}
	}
}

// Several assignments apply in order, on an empty document too.
func TestSetInOrder(t *testing.T) {
	doc := api.Document{}
	for _, a := range []string{`containers=[{}]`, "metadata.name=a", "containers[0].command=./x", "containers[0].env[A]=1", "containers[0].env[B]=2", "containers[0].env[A]=3"} {
		var err error
		if doc, err = api.Set(doc, a); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"containers":[{"command":"./x","env":[{"name":"A","value":"3"},{"name":"B","value":"2"}]}],"metadata":{"name":"a"}}`
	if string(doc.JSON()) != want {
		t.Errorf("got %s", doc.JSON())
	}
}
