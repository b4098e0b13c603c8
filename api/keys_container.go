package api

func containerKeys() []Key {
	keys := section("Container", []Key{
		{Path: "containers", Type: typeObjectList(), Rule: "required: exactly one", Doc: "What a replica runs."},
		{Path: "containers[].image", Type: typeText(), Doc: "The container image.",
			Effect: EffectLater, Why: "recorded and versioned; the process runtime runs the command or script on this machine, not an image"},
		{Path: "containers[].command", Type: typeText(), Rule: "required, or script",
			Doc: "The program and its arguments. Split as a shell splits words, variables and {{port}} replaced, run without a shell."},
		{Path: "containers[].script", Type: typeText(), Rule: "required, or command", Doc: "Text run by sh -c, instead of command; {{port}} is replaced in it too."},
		{Path: "containers[].working_dir", Type: typeAbsolutePath(), Rule: "the folder of the service file, set by the command line",
			Doc: "Where the program runs, and what relative paths are relative to. Sluice's own. An update that does not name it keeps it."},
		{Path: "containers[].port", Type: typePort(), Default: "8000",
			Doc: "The port the program believes to serve. On the process runtime a replica's real one is given as $PORT and {{port}}."},
		{Path: "containers[].env", Type: typeObjectList(), Doc: "Environment variables."},
		{Path: "containers[].env[].name", Type: typeEnvName(), Rule: "required", Doc: "Name of the variable."},
		{Path: "containers[].env[].value", Type: typeText(), Default: `""`, Doc: "Its value."},
		{Path: "containers[].env[].secret", Type: typeFlag(), Default: "false",
			Doc: "Whether the value is a secret: stored sealed, shown as \"********\", given in clear to the replica alone. Sent back as \"********\" it stays what it is. Sluice's own."},
		{Path: "containers[].prepare", Type: typeObject(), Doc: "Python packages that EAS installs into the image.",
			Effect: EffectNone, Why: "Sluice installs nothing; install the packages before, or in containers[0].script"},
		{Path: "containers[].prepare.pythonRequirements", Type: typeTextList(), Doc: "Packages.", Effect: EffectNone},
		{Path: "containers[].prepare.pythonRequirementsPath", Type: typeText(), Doc: "A requirements file.", Effect: EffectNone},
	})
	keys = append(keys, checkKeys("Start-up check", "containers[].startup_check", "Holds the other two back until it succeeds once.", "none")...)
	keys = append(keys, checkKeys("Health check", "containers[].health_check",
		"Readiness: a replica that fails it gets no requests. Also written readiness_check.", "tcp_socket on the port")...)
	return append(keys, checkKeys("Liveness check", "containers[].liveness_check", "A replica that fails it is restarted.", "none")...)
}

func checkKeys(title, at, doc, rule string) []Key {
	return section(title, []Key{
		{Path: at, Type: typeObject(), Rule: rule, Doc: doc + " Exactly one of http_get, tcp_socket, exec and grpc."},
		{Path: at + ".http_get", Type: typeObject(), Doc: "Succeeds on a status from 200 to 399."},
		{Path: at + ".http_get.path", Type: typeHTTPPath(), Default: `"/"`, Doc: "The path asked for."},
		{Path: at + ".http_get.port", Type: typePort(), Rule: "the replica's port", Doc: "Another port than the replica's; containers[].port means the replica's."},
		{Path: at + ".http_get.scheme", Type: typeOneOf("http", "https", "HTTP", "HTTPS"), Default: `"http"`, Doc: "How to connect."},
		{Path: at + ".tcp_socket", Type: typeObject(), Doc: "Succeeds when a connection opens."},
		{Path: at + ".tcp_socket.port", Type: typePort(), Rule: "the replica's port", Doc: "As in http_get."},
		{Path: at + ".exec", Type: typeObject(), Doc: "Succeeds when the command exits 0. Run where the replica runs and with its environment, $PORT too; at most once a second; ended at its time-out."},
		{Path: at + ".exec.command", Type: typeTextList(), Rule: "required", Doc: "The program and its arguments, run without a shell; {{port}} is replaced."},
		{Path: at + ".grpc", Type: typeObject(), Doc: "Succeeds when grpc.health.v1 answers SERVING, over HTTP/2 without TLS."},
		{Path: at + ".grpc.port", Type: typePort(), Rule: "the replica's port", Doc: "As in http_get."},
		{Path: at + ".grpc.service", Type: typeText(), Default: `""`, Doc: "The service asked about; empty asks about the whole server."},
		{Path: at + ".initial_delay_seconds", Type: typeSeconds(false), Default: "0", Doc: "From when on failures count. Probing begins at once."},
		{Path: at + ".period_seconds", Type: typeSeconds(true), Default: "5", Doc: "Time between probes; a new replica is probed faster."},
		{Path: at + ".timeout_seconds", Type: typeSeconds(true), Default: "2", Doc: "Longest time for one probe."},
		{Path: at + ".success_threshold", Type: typeAtLeast(1), Default: "1", Doc: "Successes in a row that count as one."},
		{Path: at + ".failure_threshold", Type: typeAtLeast(1), Default: "3", Doc: "Failures in a row that count as one."},
	})
}
