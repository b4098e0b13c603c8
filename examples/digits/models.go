package digits

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed models/v1/model.bin models/v2/model.bin models/v3/model.bin models/v4/model.bin models/v5/model.bin
var models embed.FS

// Versions of the models that come with the program, as they stand in their
// headers. Version 3 does not load, 4 fails at some images, 5 is slow.
var Versions = []string{"1", "2", "3", "4", "5"}

// ModelFile is the file of one of Versions, as cmd/train made it.
func ModelFile(version string) ([]byte, error) {
	file, err := models.ReadFile("models/v" + version + "/" + FileName)
	if err != nil {
		return nil, fmt.Errorf("there is no model version %q; there are %v", version, Versions)
	}
	return file, nil
}

// WriteModels writes all versions below dir: v1/model.bin to v5/model.bin, what a
// service file names as model_path: v1.
func WriteModels(dir string) error {
	for _, version := range Versions {
		file, err := ModelFile(version)
		if err != nil {
			return err
		}
		if err := WriteModel(filepath.Join(dir, "v"+version), file); err != nil {
			return err
		}
	}
	return nil
}

// WriteModel writes a model file into dir, which is made when it is missing. It
// takes its name only when it is whole, so that no server loads half of it.
func WriteModel(dir string, file []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(dir, FileName+".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // is gone by then, when all went well
	_, err = part.Write(file)
	if err == nil {
		err = part.Chmod(0o644)
	}
	if closing := part.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(part.Name(), filepath.Join(dir, FileName))
}
