package api

func modelKeys() []Key {
	const processor = "Sluice has no processors; name your own server in containers[0].command"
	keys := section("Model", []Key{
		{Path: "model_path", Type: typeText(),
			Doc: "The model's file or folder, given to the replica as $MODEL_PATH. A change of its content is a change of the service."},
		{Path: "warm_up_data_path", Type: typeText(),
			Doc: "A file of requests that a new replica answers before it counts as ready, in Sluice's own format: see warm-up.md. A change of its content is a change of the service."},
		{Path: "model_entry", Type: typeText(), Doc: "The entry point in the model.", Effect: EffectNone, Why: processor},
		{Path: "model_config", Type: typeFree(), Doc: "Options of the model.", Effect: EffectNone, Why: processor},
		{Path: "oss_endpoint", Type: typeText(), Doc: "Where object storage is.", Effect: EffectNone, Why: "nothing is downloaded; model_path names a file or folder on this machine"},
		{Path: "processor", Type: typeText(), Doc: "An EAS processor.", Effect: EffectNone, Why: processor},
		{Path: "processor_path", Type: typeText(), Doc: "The processor's package.", Effect: EffectNone, Why: processor},
		{Path: "processor_entry", Type: typeText(), Doc: "The processor's main file.", Effect: EffectNone, Why: processor},
		{Path: "processor_mainclass", Type: typeText(), Doc: "The processor's main class.", Effect: EffectNone, Why: processor},
		{Path: "processor_type", Type: typeOneOf("cpp", "java", "python"), Doc: "The processor's language.", Effect: EffectNone, Why: processor},
	})
	return append(keys, storageKeys()...)
}

func storageKeys() []Key {
	return section("Storage", []Key{
		{Path: "storage", Type: typeObjectList(), Doc: "Storage mounted into the container.",
			Effect: EffectNone, Why: "a process sees the machine's own files; nothing is mounted"},
		{Path: "storage[].mount_path", Type: typeText(), Doc: "Where it is mounted.", Effect: EffectNone},
		{Path: "storage[].oss.path", Type: typeText(), Doc: "Path in object storage.", Effect: EffectNone},
		{Path: "storage[].oss.endpoint", Type: typeText(), Doc: "Address of object storage.", Effect: EffectNone},
		{Path: "storage[].oss.readOnly", Type: typeFlag(), Doc: "Whether it is read-only.", Effect: EffectNone},
		{Path: "storage[].nfs", Type: typeFree(), Doc: "A network file system.", Effect: EffectNone},
		{Path: "storage[].dataset", Type: typeFree(), Doc: "A registered data set.", Effect: EffectNone},
		{Path: "storage[].properties", Type: typeFree(), Doc: "Options of the mount.", Effect: EffectNone},
	})
}
