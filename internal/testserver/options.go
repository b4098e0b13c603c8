package testserver

import (
	"flag"
	"time"
)

// options are the flags of the server.
type options struct {
	listenAfter time.Duration
	readyAfter  time.Duration
	neverListen bool
	idle        bool
	unready     bool
	grpc        bool

	exitAfter     time.Duration
	exitCode      int
	drain         time.Duration
	ignoreSigterm bool
	hasty         bool
	errEvery      int

	fork        bool
	setsidChild bool
	daemonize   bool

	print  int
	record string
	model  string
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("testserver", flag.ContinueOnError)
	f.DurationVar(&o.listenAfter, "listen-after", 0, "open the port only after this long")
	f.DurationVar(&o.readyAfter, "ready-after", 0, "answer /ready with 503 for this long after the start")
	f.BoolVar(&o.neverListen, "never-listen", false, "never open the port")
	f.BoolVar(&o.idle, "idle", false, "open no port and wait to be ended; what -fork and -setsid-child start")
	f.BoolVar(&o.unready, "unready", false, "answer /ready with 503 until POST /ready")
	f.BoolVar(&o.grpc, "grpc", false, "have grpc.health.v1, for the services \"\" and \"model\": SERVING as /ready is 200")
	f.DurationVar(&o.exitAfter, "exit-after", -1, "exit by itself after this long")
	f.IntVar(&o.exitCode, "exit-code", 0, "the exit code of -exit-after")
	f.DurationVar(&o.drain, "drain", 0, "on SIGTERM, go on for this long after the last request")
	f.BoolVar(&o.ignoreSigterm, "ignore-sigterm", false, "record SIGTERM and go on")
	f.IntVar(&o.errEvery, "err-every", 0, "answer one in so many POST /infer with 500, as a faulty model does; 0 is none")
	f.BoolVar(&o.hasty, "hasty", false, "on SIGTERM, end at once, whatever is in hand")
	f.BoolVar(&o.fork, "fork", false, "start a child in the same process group")
	f.BoolVar(&o.setsidChild, "setsid-child", false, "start a child in a session of its own")
	f.BoolVar(&o.daemonize, "daemonize", false, "start a copy in a session of its own that serves, and exit 0")
	f.IntVar(&o.print, "print", 0, "print this many lines, \"line 1\" first")
	f.StringVar(&o.record, "record", "", "append what happens to this file, see Event")
	f.StringVar(&o.model, "model", "", "read this file at the start, and show its text in each answer; without it the exit code is 1")
	err := f.Parse(args)
	return o, err
}
