package takeover

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// What comes beside a configuration: certificates and keys that it names in its
// own folder or in the folder certs there. Anything else is none of ours, and
// neither read from a stick nor written.
const (
	// Certs is the folder beside the configuration.
	Certs = "certs"
	// MostFile is the size of the longest such file, mostFiles of all that come
	// with one configuration.
	MostFile  = 256 << 10
	mostFiles = 512 << 10
)

// endings are those that the name of such a file may have.
var endings = []string{".pem", ".crt", ".cer", ".key"}

// contents is what files hold, by path; nil: there is no such file.
type contents map[string][]byte

// takes gives the path of a file that may come with a configuration; false for
// any other.
func (f *Files) takes(path string) (string, bool) {
	own, err := filepath.Abs(f.Path)
	path, err2 := filepath.Abs(path)
	own = filepath.Dir(own)
	dir := filepath.Dir(path)
	return path, err == nil && err2 == nil && slices.Contains(endings, filepath.Ext(path)) && (dir == own || dir == filepath.Join(own, Certs))
}

// Wants gives the names of the files that may come with a configuration.
func (f *Files) Wants(c *config.Config) []string {
	var names []string
	for _, path := range c.Named() {
		if path, ok := f.takes(path); ok {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// changes gives what of the files that were brought is to be written, by path.
// Nothing that is no certificate or key is written, nor written over.
func (f *Files) changes(named []string, brought map[string][]byte) (contents, error) {
	next := contents{}
	all := 0
	for _, path := range named {
		path, ok := f.takes(path)
		b, came := brought[filepath.Base(path)]
		if !ok || !came {
			continue
		}
		if all += len(b); len(b) > MostFile || all > mostFiles {
			return nil, console.Tell(dlt645.Text{EN: "%s is too long: a file has %d KiB at most, all together %d KiB", ZH: "%s 过大：单个文件最多 %d KiB，合计最多 %d KiB"}, dlt645.Text{}, filepath.Base(path), MostFile>>10, mostFiles>>10)
		}
		if block, _ := pem.Decode(b); block == nil {
			return nil, console.Tell(dlt645.Text{EN: "%s holds no certificate and no key in PEM form", ZH: "%s 中没有 PEM 格式的证书或密钥"}, dlt645.Text{}, filepath.Base(path))
		}
		there, err := f.there(path)
		if err != nil {
			return nil, err
		}
		if there == nil || !bytes.Equal(there, b) {
			next[path] = b
		}
	}
	return next, nil
}

// there gives what a file holds, nil if there is none. What is no certificate or
// key is an error: it is not ours.
func (f *Files) there(path string) ([]byte, error) {
	if dir, err := os.Lstat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err == nil && filepath.Base(filepath.Dir(path)) == Certs && !dir.IsDir() {
		return nil, console.Tell(dlt645.Text{EN: "%s is no directory, and is left alone", ZH: "%s 不是目录，未作改动"}, elsewhere, filepath.Dir(path))
	}
	b, err := board.ReadPlain(path, MostFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, console.Tell(dlt645.Text{EN: "%s is left alone: %v", ZH: "%s 未作改动：%v"}, elsewhere, path, err)
	}
	if block, _ := pem.Decode(b); block == nil {
		return nil, console.Tell(dlt645.Text{EN: "%s holds something else than certificates and keys, and is left alone", ZH: "%s 不是证书或密钥文件，未作改动"}, elsewhere, path)
	}
	return b, nil
}

// elsewhere is what to do about a file that is not ours.
var elsewhere = dlt645.Text{EN: "name another file in the configuration, or move this one away", ZH: "请在配置中改用其他文件名，或移走该文件"}

// hold gives what these files hold now.
func (f *Files) hold(paths contents) (contents, error) {
	now := contents{}
	for path := range paths {
		b, err := f.there(path)
		if err != nil {
			return nil, err
		}
		now[path] = b
	}
	return now, nil
}

// put writes files, durably and for nobody else to read, and removes those that
// are not to be. What is so already is left alone.
func (f *Files) put(files contents) error {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		want := files[path]
		now, err := f.there(path)
		if err == nil && (now == nil) == (want == nil) && bytes.Equal(now, want) {
			continue
		}
		switch {
		case err != nil:
		case want == nil:
			err = f.remove(path)
		default:
			if err = board.MakeDir(filepath.Dir(path), 0o700); err == nil {
				err = f.write(path, want, 0o600)
			}
		}
		if err != nil {
			return fmt.Errorf("%s cannot be written: %w", path, err)
		}
	}
	return nil
}

// covered sees that a signature is good for the files as well: each that it
// names is what it says, and where a signature is asked for each that is
// written is named.
func (f *Files) covered(c *Candidate, asked bool, named []string) error {
	s, next := c.Signed, c.next
	if asked {
		var came []string
		for path := range next {
			came = append(came, filepath.Base(path))
		}
		for _, part := range c.origin().Parts {
			came = append(came, part.Name)
		}
		for _, name := range came {
			if _, ok := s.Hash(name); !ok {
				return console.Tell(dlt645.Text{EN: "%s comes with it, and the signature does not cover it", ZH: "随附的 %s 未包含在签名中"},
					dlt645.Text{EN: `sign with minisign -Sm meterd.toml -t "$(meterd check -comment meterd.toml)", the files beside it`, ZH: `请将文件放在一起，用 minisign -Sm meterd.toml -t "$(meterd check -comment meterd.toml)" 签名`}, name)
			}
		}
	}
	if s == nil {
		return nil
	}
	for _, file := range s.Files {
		known := false
		for _, part := range c.origin().Parts {
			if part.Name != file.Name {
				continue
			}
			if known = true; part.Hash != file.Hash {
				return notSigned(file.Name)
			}
		}
		for _, path := range named {
			if filepath.Base(path) != file.Name {
				continue
			}
			known = true
			if b := f.holds(path, next); b == nil || sha256.Sum256(b) != file.Hash {
				return notSigned(file.Name)
			}
		}
		if !known {
			return console.Tell(dlt645.Text{EN: "the signature covers %s, which the configuration does not name", ZH: "签名包含 %s，但配置未指定该文件"},
				dlt645.Text{EN: "leave it out of the trusted comment, or name it", ZH: "请从可信注释中去掉该文件，或在配置中指定"}, file.Name)
		}
	}
	return nil
}

func notSigned(name string) error {
	return console.Tell(dlt645.Text{EN: "%s is not the file that was signed", ZH: "%s 与签名时的文件不同"},
		dlt645.Text{EN: "put it beside meterd.toml as it was when it was signed", ZH: "请将签名时的文件与 meterd.toml 放在一起"}, name)
}

// holds gives what a file that the configuration names will hold, nil if there
// is none that could be read.
func (f *Files) holds(path string, next contents) []byte {
	own, ok := f.takes(path)
	if !ok {
		b, _ := board.ReadFile(path, MostFile)
		return b
	}
	if b, ok := next[own]; ok {
		return b
	}
	b, _ := f.there(own)
	return b
}

// folders tells where files are that may come with a configuration.
func (f *Files) folders() string {
	own, err := filepath.Abs(f.Path)
	if err != nil {
		own = f.Path
	}
	return filepath.Dir(own) + " or " + filepath.Join(filepath.Dir(own), Certs)
}
