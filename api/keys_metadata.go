package api

import (
	"math"
	"slices"
)

const (
	notEnforced = "recorded and versioned; not enforced by this release"
	ownerCloud  = "it belongs to Alibaba Cloud, whose resources Sluice does not use"
)

func metadataKeys() []Key {
	return slices.Concat(identityKeys(), strategyKeys(), historyKeys(), rpcKeys(), placementKeys())
}

func identityKeys() []Key {
	return section("Service", []Key{
		{Path: "metadata.name", Type: typeName(), Rule: "required",
			Doc: "The name of the service. It is part of its address and cannot be changed."},
		{Path: "metadata.instance", Type: typeWhole(0, MaxInstances), Class: ClassScale, Default: "1",
			Doc: "The desired number of replicas. A change of nothing else is a scale: no version, no rollout."},
		{Path: "metadata.type", Type: typeText(),
			Doc:    `The role of the service: empty, or "Async" for asynchronous inference.`,
			Effect: EffectLater, Why: notEnforced + `; "Async" queues and the roles of EAS's own components run as a plain service`},
		{Path: "metadata.enable_grpc", Type: typeFlag(), Default: "false",
			Doc: "HTTP/2 requests go to the replica as cleartext HTTP/2, which gRPC needs."},
		{Path: "metadata.group", Type: typeNameOrNone(), Class: ClassMembership,
			Doc: "The group that the service shares an address with. Naming one makes it; a member that joins others gets none of the group's traffic before it is released."},
		{Path: "metadata.weight", Type: typeWhole(-1, 1000), Class: ClassMembership,
			Doc: "The weight in a group of mode customized; -1 for none, which counts as 0."},
		{Path: "metadata.traffic_state", Type: typeOneOf("standalone", "grouping"), Class: ClassMembership,
			Doc: "Whether the service takes its share of the group's traffic: standalone takes none."},
		{Path: "token", Type: typeToken(), Class: ClassMembership, Secret: true, Rule: "none: no token is asked for",
			Doc: "What callers must send as Authorization: TOKEN or Bearer TOKEN."},
		{Path: "labels", Type: typeTextMap(), Class: ClassLive,
			Doc: "Names and values of your own, shown with the service."},
	})
}

func strategyKeys() []Key {
	return section("Rolling update and shutdown", []Key{
		{Path: "metadata.rolling_strategy.max_surge", Type: typeCount(), Class: ClassLive, Rule: `"2%", at least 1`,
			Doc: "How many replicas above the desired number may live during an update. A percentage is rounded up."},
		{Path: "metadata.rolling_strategy.max_unavailable", Type: typeCount(), Class: ClassLive,
			Rule: "by resource group: public 0; dedicated 1, with an elastic pool 0; quota 2%, at least 1",
			Doc:  "How many replicas may be missing during an update. That many old ones are stopped at once when it begins. A percentage is rounded down."},
		{Path: "metadata.rolling_strategy.replacement", Type: typeOneOf(ReplacementStarted, ReplacementComplete), Class: ClassLive,
			Rule: `"termination_complete" when gpu or gpu_memory is asked for, else "termination_started"`,
			Doc:  "When the next replica may start: as soon as an old one begins to drain, or only when it has ended and its resources are free."},
		{Path: "metadata.rolling_strategy.startup_timeout", Type: typeSpan(), Class: ClassLive, Default: "600",
			Doc: "How long a new replica may take to become ready before it counts as failed."},
		{Path: "metadata.rolling_strategy.min_ready_seconds", Type: typeSeconds(false), Class: ClassLive, Default: "0",
			Doc: "How long a new replica must stay ready before it counts as ready."},
		{Path: "metadata.eas.termination_grace_period", Type: typeSeconds(false), Class: ClassLive, Default: "30",
			Doc: "How long a replica that left the traffic may finish what it has in hand; then it is killed."},
		{Path: "metadata.eas.drain", Type: typeOneOf(DrainGracePeriod, DrainIdle), Class: ClassLive, Default: `"grace_period"`,
			Doc: "Whether a replica ends after the whole grace period, or as soon as nothing is in flight."},
	})
}

func historyKeys() []Key {
	return section("Versions", []Key{
		{Path: "metadata.retain", Type: typeOneOf(RetainAuto, RetainArtifacts, RetainNone), Class: ClassLive, Default: `"auto"`,
			Doc: "Whether copies of a version's files are kept, so that a rollback works though the originals are gone: auto keeps them where it is cheap (the file system shares blocks, or they are small) and goes on without where it cannot; artifacts keeps them before an update is accepted, and refuses it where that cannot be; none keeps nothing. Sluice's own."},
		{Path: "metadata.on_drift", Type: typeOneOf(DriftRefuse, DriftWarn), Class: ClassLive,
			Rule: "refuse while a rollout to the version is in progress, unless it was forced; otherwise warn",
			Doc:  "What happens when a replica is to start whose files are not those of its version any more and of which no copy is kept: refuse does not start it and says why; warn starts it with what is there and says so. Sluice's own."},
		{Path: "metadata.keep_versions", Type: typeAtLeast(1), Class: ClassLive, Rule: "what the server's configuration says, else all",
			Doc: "How many versions are kept. Older ones go, except those that are current, pinned, run by a replica, or where a rollout came from. Sluice's own."},
	})
}

func rpcKeys() []Key {
	const processor = "it tunes the server inside EAS's processors; give your own server its own option in containers[0].command"
	return section("Requests", []Key{
		{Path: "metadata.rpc.enable_sigterm", Type: typeFlag(), Class: ClassLive, Default: "false",
			Doc: "Whether a draining replica gets SIGTERM, so that it may end before the grace period does."},
		{Path: "metadata.rpc.keepalive", Type: typeAtLeast(0), Class: ClassLive, Default: "600000",
			Doc: "The longest time for a request in milliseconds, until the header of its answer; beyond it 408. 0: no limit. Streams and WebSockets are not cut by it; for gRPC it counts from the end of what the caller sends."},
		{Path: "metadata.rpc.max_queue_size", Type: typeAtLeast(0), Class: ClassLive, Rule: "0: no limit",
			Doc: "How many requests a replica may have in hand at a gateway, streams and WebSockets included. One that is full is passed over; when all are, 450."},
		{Path: "metadata.rpc.rate_limit", Type: typeNumber(0, math.Inf(1)), Class: ClassLive, Rule: "0: no limit",
			Doc: "Requests per second and replica at a gateway, up to one second's worth at once. A replica that has had its number is passed over; when all have, 429 with Retry-After."},
		{Path: "metadata.rpc.worker_threads", Type: typeAtLeast(1), Doc: "Parallel requests of a processor.", Effect: EffectNone, Why: processor},
		{Path: "metadata.rpc.io_threads", Type: typeAtLeast(1), Doc: "Network threads of a processor.", Effect: EffectNone, Why: processor},
		{Path: "metadata.rpc.batching", Type: typeFlag(), Doc: "Batching in a processor.", Effect: EffectNone, Why: processor},
		{Path: "metadata.rpc.max_batch_size", Type: typeAtLeast(1), Doc: "Largest batch of a processor.", Effect: EffectNone, Why: processor},
		{Path: "metadata.rpc.max_batch_timeout", Type: typeNumber(0, math.Inf(1)), Doc: "Longest wait for a batch of a processor, in milliseconds.",
			Effect: EffectNone, Why: processor},
	})
}

func placementKeys() []Key {
	return section("Resources and placement", []Key{
		{Path: "metadata.cpu", Type: typeNumber(0, math.Inf(1)), Rule: "no limit",
			Doc: "Cores per replica: it gets no more processor time. Enforced by cgroup v2 where the server may make cgroups; a warning says where not. It is what the replica takes of its resource group's capacity."},
		{Path: "metadata.memory", Type: typeAtLeast(0), Rule: "no limit",
			Doc: "Memory per replica in MB: one that reaches it is ended by the kernel, and restarted. Enforced, and taken of the resource group's capacity, as metadata.cpu is."},
		{Path: "metadata.gpu", Type: typeAtLeast(0),
			Doc: "GPUs per replica. In a resource group whose devices the server's configuration names, each is given to one replica alone, which finds them in $CUDA_VISIBLE_DEVICES; without a resource group it only makes rolling_strategy.replacement default to \"termination_complete\"."},
		{Path: "metadata.gpu_memory", Type: typeAtLeast(0), Doc: "GPU memory per replica in GB.",
			Effect: EffectLater, Why: notEnforced + "; asking for it only makes rolling_strategy.replacement default to \"termination_complete\""},
		{Path: "metadata.gpu_core_percentage", Type: typeNumber(0, 100), Doc: "Part of one GPU's cores per replica.",
			Effect: EffectLater, Why: notEnforced + "; a process may use what the machine has"},
		{Path: "metadata.resource", Type: typeText(), Rule: "public",
			Doc: "The resource group whose capacity the replicas share; its name is one of resource_groups in the server's configuration. A replica that finds no room there is pending, and says why."},
		{Path: "metadata.resource_rebalancing", Type: typeFlag(), Doc: "Moves replicas back to a dedicated group.",
			Effect: EffectNone, Why: "all replicas run on one machine, so none is on a less preferred resource"},
		{Path: "metadata.resource_burstable", Type: typeFlag(), Doc: "Turns the elastic pool on.",
			Effect: EffectNone, Why: "an elastic pool is set in the server's configuration, not in a service file"},
		{Path: "metadata.workspace_id", Type: typeText(), Doc: "The workspace.",
			Effect: EffectNone, Why: "Sluice has no workspaces"},
		{Path: "metadata.qos", Type: typeOneOf("", "BestEffort"), Doc: "Shares CPU between services.",
			Effect: EffectNone, Why: "processes on one machine share its CPU already"},
		{Path: "metadata.scheduling.spread.policy", Type: typeOneOf("host", "zone", "default"), Doc: "Spreads replicas over hosts or zones.",
			Effect: EffectNone, Why: "all replicas run on one machine"},
		{Path: "metadata.enable_webservice", Type: typeFlag(), Doc: "Passes web pages through.",
			Effect: EffectNone, Why: "every path, method and content type is passed to the replica anyway"},
		{Path: "metadata.workload_type", Type: typeText(), Doc: "Makes the service a job.",
			Effect: EffectNone, Why: "jobs are not run; this runs as a plain service"},
		{Path: "metadata.shm_size", Type: typeNumber(0, math.Inf(1)), Doc: "Size of /dev/shm in GB.",
			Effect: EffectNone, Why: "a process uses the machine's own /dev/shm"},
		{Path: "runtime.enable_crash_block", Type: typeFlag(), Default: "false",
			Doc: "A crashed replica is not restarted but kept for study."},
	})
}
