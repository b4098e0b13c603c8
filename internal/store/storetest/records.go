package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// instant is i seconds after a fixed moment, with milliseconds, which is what
// api.Time keeps.
func instant(i int) time.Time {
	return time.Date(2026, 3, 1, 10, 0, i, 250e6, time.UTC)
}

// service, replica and the rest below fill every field a record has, so that
// one that is added later is in the round trip from its first day.

func service(name string, version int) *store.Service {
	s := filled[store.Service](version)
	s.Core.Name, s.Core.Latest = name, version
	return &s
}

func replica(service string, n int) store.Replica {
	r := filled[store.Replica](n)
	r.Core.ID = fmt.Sprintf("%s-%d", service, n)
	if n%2 == 1 {
		r.Handle = nil // not started yet
	}
	return r
}

func version(n int) store.Version {
	v := filled[store.Version](n)
	v.Number = n
	return v
}

func oneRollout(service string, n int) store.Rollout {
	r := filled[store.Rollout](n)
	r.ID, r.Service = fmt.Sprintf("%s-r%d", service, n), service
	return r
}

func event(service, reason string) api.Event {
	e := filled[api.Event](5)
	e.Seq, e.Service, e.Reason = 0, service, reason
	return e
}

// everything is a change that writes one record of each kind at least.
func everything(name string) store.Change {
	return store.Change{
		Name: name, Service: service(name, 2),
		Versions:    []store.Version{version(2), version(1)},
		Rollouts:    []store.Rollout{oneRollout(name, 1), oneRollout(name, 2)},
		PutReplicas: []store.Replica{replica(name, 1), replica(name, 12), replica(name, 3)},
		Events:      []api.Event{event(name, "Created"), event(name, "ReplicaReady")},
	}
}

// filled makes a T with a value in every field, different for every n: texts
// with quotes and letters beyond ASCII, documents with what encoders like to
// escape, numbers up to what a percentage may be.
func filled[T any](n int) T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(instant(*n)))
		return
	case api.Time:
		v.Set(reflect.ValueOf(api.At(instant(*n))))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"n":%d,"command":"a && b < c é"}`, *n))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				fill(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.String:
		v.SetString(fmt.Sprintf("Zoë's \"%d\"\\\n", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // beyond what fits a signed or a floating number
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.SetMapIndex(key, value)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n % 100))
	default:
		panic(fmt.Sprintf("storetest does not know how to fill a %s; teach it", v.Type()))
	}
}

// equal compares as JSON does, so that equal instants are equal whatever their
// location.
func equal(t rapid.TB, what string, got, want any) {
	t.Helper()
	g, w := text(t, got), text(t, want)
	if g != w {
		t.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func text(t rapid.TB, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
