package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

// program is a command made ready to run.
type program struct {
	path string // absolute
	argv []string
	env  []string
	dir  string

	cgroup *cgroup // that it is started in; nil for the server's own
}

func unstartable(format string, args ...any) error {
	return &runtime.UnstartableError{Reason: fmt.Sprintf(format, args...)}
}

// prepare turns the container of a launch into a program on this port. What no
// number of tries would mend is an *UnstartableError.
func (r *Runtime) prepare(l runtime.Launch, port int) (*program, error) {
	c := l.Spec.Container
	dir, err := workingDir(c.WorkingDir)
	if err != nil {
		return nil, err
	}
	from := kept{l.Files, dir}
	name, _ := from.path(l.Spec.ModelPath)
	model, err := modelPath(name, dir)
	if err != nil {
		return nil, err
	}
	env := r.environment(l, dir, model, port)
	from.variables(env)
	p := &program{dir: dir, env: env.list()}
	fill := strings.NewReplacer("{{port}}", strconv.Itoa(port)).Replace
	switch {
	case c.Script != "":
		p.argv = []string{"sh", "-c", fill(c.Script)}
	case c.Command != "":
		if p.argv, err = api.Words(fill(c.Command), func(name string) string { return env[name] }); err != nil {
			return nil, unstartable("containers[0].command %q cannot be split into words: %v; correct its quotes, or use script for anything that needs a shell", c.Command, err)
		}
	case c.Image != "":
		return nil, unstartable("containers[0] names only the image %q, which this runtime does not run; give a command or a script", c.Image)
	}
	if c.Script == "" {
		from.words(p.argv)
	}
	if len(p.argv) == 0 || p.argv[0] == "" {
		return nil, unstartable("containers[0].command %q names no program after its variables were expanded", c.Command)
	}
	p.path, err = lookUp(p.argv[0], dir, env["PATH"], "containers[0].command")
	return p, err
}

// Check says what would keep this machine from starting a replica now, nil when
// nothing would. Nothing is started.
func (r *Runtime) Check(l runtime.Launch) error {
	_, err := r.prepare(l, l.Spec.Container.Port)
	return err
}

func workingDir(dir string) (string, error) {
	if dir == "" {
		return os.Getwd()
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return "", unstartable("the working directory %s does not exist; make it, or name another in the service file", dir)
	case err != nil:
		return "", unstartable("the working directory cannot be used: %v", err)
	case !info.IsDir():
		return "", unstartable("the working directory %s is not a directory", dir)
	}
	return filepath.Abs(dir)
}

func modelPath(path, dir string) (string, error) {
	if path == "" {
		return "", nil
	}
	if strings.Contains(path, "://") {
		return "", unstartable("model_path %s is an address, not a path of this machine; fetch the model and name its path", path)
	}
	full := within(dir, path)
	switch _, err := os.Stat(full); {
	case errors.Is(err, fs.ErrNotExist):
		if to, err := os.Readlink(full); err == nil {
			return "", unstartable("model_path %s is a link to %s, which does not exist; put the model there, or correct model_path", full, to)
		}
		return "", unstartable("model_path %s does not exist; put the model there, or correct model_path", full)
	case err != nil:
		return "", unstartable("model_path cannot be used: %v", err)
	}
	return full, nil
}

// within makes a path absolute as seen from dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// environment is a replica's environment, by name.
type environment map[string]string

func (e environment) list() []string {
	list := make([]string, 0, len(e))
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// environment is the server's own without anything of Sluice's (which may hold
// a token), then what the service file says, then what the replica is told of
// itself.
func (r *Runtime) environment(l runtime.Launch, dir, model string, port int) environment {
	env := environment{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "SLUICE_") {
			env[name] = value
		}
	}
	env["PWD"] = dir
	for _, v := range l.Spec.Container.Env {
		env[v.Name] = v.Value
	}
	env["PORT"] = strconv.Itoa(port)
	if model != "" {
		env["MODEL_PATH"] = model
	}
	if l.GPUs != "" {
		env[envGPUs] = l.GPUs
	}
	env["SLUICE_SERVICE"] = l.Service
	env["SLUICE_VERSION"] = strconv.Itoa(l.Version)
	env[envReplica] = l.Replica
	env[envData] = r.data
	return env
}

// lookUp finds an executable as a shell in dir with this PATH would; key is what
// names it in the service file.
func lookUp(name, dir, path, key string) (string, error) {
	if strings.Contains(name, "/") {
		full := within(dir, name)
		return full, executable(full, key)
	}
	var found error
	for _, folder := range filepath.SplitList(path) {
		full := filepath.Join(within(dir, folder), name)
		err := executable(full, key)
		if err == nil {
			return full, nil
		}
		if _, missing := os.Stat(full); missing == nil && found == nil {
			found = err
		}
	}
	if found != nil {
		return "", found
	}
	return "", unstartable("the executable %q is not in the replica's PATH (%s); install it, or write its path with a slash", name, path)
}

func executable(path, key string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return unstartable("the executable %s does not exist; put it there, or correct %s", path, key)
	case err != nil:
		return unstartable("the executable cannot be used: %v", err)
	case info.IsDir():
		return unstartable("%s is a directory, not an executable; correct %s", path, key)
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return unstartable("%s is not executable; allow it with: chmod +x %s", path, path)
	}
	return nil
}

// startError sorts the errors of starting a process: those that no repetition
// mends, those that wait for room, and the rest.
func startError(p *program, err error) error {
	switch {
	case errors.Is(err, unix.ENOEXEC):
		return unstartable("%s is no program of this machine: its format is unknown; build it for this machine, or begin a script with #!", p.path)
	case errors.Is(err, unix.ENOENT):
		return unstartable("%s cannot be run: the interpreter that it names does not exist; install it, or correct the first line of the file", p.path)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return unstartable("%s may not be run: %v; allow it with chmod, or look for a file system mounted noexec", p.path, err)
	case errors.Is(err, unix.E2BIG):
		return unstartable("%s cannot be run: its command line and environment are too long", p.path)
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return &runtime.UnplacedError{Reason: fmt.Sprintf("this machine has no room for another process: %v", err)}
	}
	return fmt.Errorf("start %s: %w", p.path, err)
}
