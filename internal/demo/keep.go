package demo

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Kept says where everything is that goes on running.
type Kept struct {
	Dir        string `json:"dir"`
	Executable string `json:"executable"`
	Data       string `json:"data"`
	Server     string `json:"server"`
	Endpoint   string `json:"endpoint"`
}

func (s *sandbox) kept() *Kept {
	return &Kept{
		Dir: s.dir, Executable: s.executable(), Data: s.data(), Server: s.API,
		Endpoint: s.Gateway + "/api/predict/" + service,
	}
}

// next says what to try, as commands that can be pasted.
func (k *Kept) next() string {
	dir, err := syntax.Quote(k.Dir, syntax.LangPOSIX)
	if err != nil {
		dir = k.Dir // a name that no command line can hold; a person sees it
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Everything goes on running. Paste this first:

  cd %s
  export SLUICE_SERVER=%s SLUICE_DATA=$PWD/data

Then, for example:

  curl -s -i %s/v2/models/digits/infer -d @%s
  bin/sluice describe %[5]s
  bin/sluice rollback %[5]s --to 1 --wait
  bin/sluice update %[5]s --set model_path=models/v2 --wait
  bin/sluice scale %[5]s 6
  bin/sluice restart %[5]s --wait
  bin/sluice replicas %[5]s
  bin/sluice events %[5]s

And to end it and remove it:

  bin/sluice down && cd / && rm -r %[1]s
`, dir, k.Server, k.Endpoint, requestFile, service)
	return b.String()
}
