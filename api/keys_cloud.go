package api

import "math"

func cloudKeys() []Key {
	limits := notEnforced + "; limits for a whole service come with a later one"
	keys := []Key{
		{Path: "cloud", Type: typeObject(), Doc: "Machines and network in Alibaba Cloud.",
			Effect: EffectNone, Why: ownerCloud},
		{Path: "cloud.computing.instances", Type: typeObjectList(), Doc: "Machine kinds, tried in order.", Effect: EffectNone},
		{Path: "cloud.computing.instances[].type", Type: typeText(), Doc: "The kind of machine.", Effect: EffectNone},
		{Path: "cloud.computing.instances[].spot_price_limit", Type: typeNumber(0, math.Inf(1)), Doc: "Highest price.", Effect: EffectNone},
		{Path: "cloud.computing.instances[].capacity", Type: typeCount(), Doc: "Replicas on this kind.", Effect: EffectNone},
		{Path: "cloud.networking.vpc_id", Type: typeText(), Doc: "The private network.", Effect: EffectNone},
		{Path: "cloud.networking.vswitch_id", Type: typeText(), Doc: "Its switch.", Effect: EffectNone},
		{Path: "cloud.networking.security_group_id", Type: typeText(), Doc: "Its security group.", Effect: EffectNone},
		{Path: "dockerAuth", Type: typeText(), Secret: true, Doc: "Account for the image registry.",
			Effect: EffectNone, Why: "the process runtime pulls no image"},
		{Path: "networking.gateway", Type: typeText(), Class: ClassLive, Doc: "A dedicated gateway.",
			Effect: EffectNone, Why: "every service is served by this server's own gateway"},
		{Path: "networking.gateway_policy", Type: typeObject(), Class: ClassLive, Doc: "Limits for the whole service.",
			Effect: EffectLater, Why: limits},
	}
	for _, limit := range []string{"rate_limit", "concurrency_limit"} {
		at := "networking.gateway_policy." + limit
		keys = append(keys,
			Key{Path: at + ".enable", Type: typeFlag(), Class: ClassLive, Doc: "Turns the limit on.", Effect: EffectLater},
			Key{Path: at + ".limit", Type: typeNumber(0, math.Inf(1)), Class: ClassLive, Doc: "The limit.", Effect: EffectLater})
	}
	return section("Cloud, network and the rest", append(keys,
		Key{Path: "autoscaler", Type: typeFree(), Class: ClassLive, Doc: "Automatic scaling.",
			Effect: EffectNone, Why: "nothing scales by itself; use `sluice scale`"},
		Key{Path: "unit", Type: typeObject(), Doc: "Distributed inference.",
			Effect: EffectNone, Why: "a replica is one process on one machine"},
		Key{Path: "unit.size", Type: typeAtLeast(1), Doc: "Machines per replica.", Effect: EffectNone},
		Key{Path: "sinker", Type: typeObject(), Doc: "Stores requests and answers.",
			Effect: EffectNone, Why: "requests and answers are not stored"},
		Key{Path: "sinker.type", Type: typeText(), Doc: "maxcompute or sls.", Effect: EffectNone},
		Key{Path: "sinker.config", Type: typeFree(), Doc: "Where to.", Effect: EffectNone},
		Key{Path: "features", Type: typeTextMap(), Doc: "Switches of EAS, such as eas.aliyun.com/enable-rollout.",
			Effect: EffectNone, Why: "nothing needs switching on; update plans work for every service"},
	))
}
