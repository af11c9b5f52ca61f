package station

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
)

// brought is what a stick holds for us.
type brought struct {
	name      string // of the file, from the stick's top folder
	note      dlt645.Text
	asks      bool   // for data
	programs  bool   // there are update files
	text      string // of the configuration, with what it includes
	origin    *config.Assembled
	signature []byte // nil: none
	unsigned  error  // why there is no signature
	signed    *config.Signed
	files     map[string][]byte // that it names, by name
}

func (b brought) parts() []config.Part {
	if b.origin == nil {
		return nil
	}
	return b.origin.Parts
}

// readStick copies the files into memory: the configuration, and if that is
// admitted what it names. Nothing is looked at on the stick itself: it may change
// between two looks.
func (st *Station) readStick(s visitor, plugged bool) (brought, error) {
	var b brought
	err := s.Visit(false, func(dir string) error {
		b.asks, b.programs = asksForData(dir), len(updatesIn(dir)) > 0
		raw, err := st.findConfig(dir, &b)
		if err != nil {
			return err
		}
		b.text = string(raw) // for its secrets, until it is assembled
		b.signature, b.unsigned = board.ReadPlain(filepath.Join(dir, b.name+signatureEnding), mostSignature)
		if err := st.admit(&b, raw); err != nil {
			return err
		}
		b.origin = config.Assemble(b.name, raw, func(name string) ([]byte, error) {
			return board.ReadPlain(filepath.Join(dir, name), config.MostPart)
		})
		b.text = b.origin.Text
		if !plugged && st.takeover.Files.WasRefused(b.text) {
			return console.Tell(dlt645.Text{EN: "it was taken back before; pull the stick and plug it in again to try it once more", ZH: "该配置曾被恢复；如要再试，请拔出 U 盘后重新插入"}, dlt645.Text{})
		}
		b.files, err = st.readBeside(dir, b.text)
		return err
	})
	return b, err
}

// ids are what a board may be called on a stick for many: by its configuration,
// and by its own number.
func (st *Station) ids() []string {
	var all []string
	if c, _ := st.takeover.Running(); c != nil {
		all = append(all, c.Gateway.ID)
	}
	if n := board.SerialNumber(); n != "" && !slices.Contains(all, n) {
		all = append(all, n)
	}
	return all
}

// findConfig reads the configuration of a stick: that of this board in the folder
// boards, else meterd.toml, also where Windows has hidden another ending of it.
func (st *Station) findConfig(dir string, b *brought) ([]byte, error) {
	boards := plainFolder(filepath.Join(dir, config.BoardsFolder))
	var names []string
	if boards {
		for _, id := range st.ids() {
			names = append(names, config.BoardsFolder+"/"+id+".toml")
		}
	}
	for _, name := range append(names, stickConfig) {
		raw, err := board.ReadPlain(filepath.Join(dir, name), takeover.MostConfig)
		hidden := errors.Is(err, fs.ErrNotExist)
		if hidden { // Windows shows no ending that it knows
			raw, err = board.ReadPlain(filepath.Join(dir, name+".txt"), takeover.MostConfig)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		b.name = name
		if hidden {
			b.name = name + ".txt"
			b.note = dlt645.Text{EN: "the file is called " + b.name + ": it was taken for " + name, ZH: "文件名为 " + b.name + "，已作为 " + name + " 处理"}
		}
		if boards && name == stickConfig {
			sep := dlt645.Text{}
			if hidden {
				sep = dlt645.Text{EN: "; ", ZH: "；"}
			}
			ids := strings.Join(st.ids(), "|")
			b.note.EN += sep.EN + "the folder " + config.BoardsFolder + " has no file for this board, " + ids + ".toml: " + stickConfig + " was taken"
			b.note.ZH += sep.ZH + "文件夹 " + config.BoardsFolder + " 中没有本机的文件 " + ids + ".toml，已采用 " + stickConfig
		}
		return raw, err
	}
	b.name = stickConfig
	return nil, st.misnamed(dir)
}

// plainFolder reports whether there is a folder, and no link to one.
func plainFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// plainFile reports whether there is a file, and no link to one.
func plainFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// errMisnamed says that a stick has a file that was meant to be the
// configuration, and is called otherwise.
var errMisnamed = errors.New("misnamed")

// misnamed tells which file of a stick was meant. Where none was it is
// fs.ErrNotExist.
func (st *Station) misnamed(dir string) error {
	tell := func(text, hint dlt645.Text, args ...any) error {
		return errors.Join(errMisnamed, console.Tell(text, hint, args...))
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostEntries) // what is beyond that is nobody's mistake
	rename := dlt645.Text{EN: "rename it to " + stickConfig, ZH: "请改名为 " + stickConfig}
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && meant(name) && plainFile(filepath.Join(dir, name, stickConfig)):
			return tell(dlt645.Text{EN: "there is no " + stickConfig + " on the stick, but one in the folder %q", ZH: "U 盘上没有 " + stickConfig + "，但文件夹 %q 中有"},
				dlt645.Text{EN: "take it out of the folder, into the top one", ZH: "请移到 U 盘根目录"}, name)
		case e.IsDir():
			continue
		case strings.Contains(strings.ToLower(name), update.Ending+"."):
			i := strings.Index(strings.ToLower(name), update.Ending+".")
			whole := name[:i+len(update.Ending)]
			return tell(dlt645.Text{EN: "there is no " + stickConfig + " on the stick, but %q", ZH: "U 盘上没有 " + stickConfig + "，但有 %q"},
				dlt645.Text{EN: "a program: rename it to " + whole, ZH: "这是程序：请改名为 " + whole}, name)
		case meant(name):
			return tell(dlt645.Text{EN: "there is no " + stickConfig + " on the stick, but %q", ZH: "U 盘上没有 " + stickConfig + "，但有 %q"}, rename, e.Name())
		}
	}
	if plainFolder(filepath.Join(dir, config.BoardsFolder)) {
		ids := strings.Join(st.ids(), "|")
		return tell(dlt645.Text{EN: "the folder " + config.BoardsFolder + " has no file for this board, %s.toml, and there is no " + stickConfig, ZH: "文件夹 " + config.BoardsFolder + " 中没有本机的文件 %s.toml，也没有 " + stickConfig},
			dlt645.Text{EN: "name the file of this board so", ZH: "请按此命名本机的文件"}, ids)
	}
	return fs.ErrNotExist
}

// mostEntries bounds how much of a stick's top folder is looked at.
const mostEntries = 1024

// meant reports whether a file was meant to be the configuration, going by its
// name.
func meant(name string) bool {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "."), strings.HasPrefix(name, "meterd-report-"), strings.HasSuffix(name, signatureEnding):
		return false
	case strings.HasSuffix(name, ".toml"), strings.HasSuffix(name, ".toml.txt"), strings.HasSuffix(name, ".tml"):
		return true
	}
	stem, ending := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	return strings.HasPrefix(stem, "meterd") && slices.Contains([]string{"", ".txt", ".conf", ".cfg", ".ini", ".csv"}, ending)
}

// readBeside reads the certificates and keys that a text names, as far as they
// are there.
func (st *Station) readBeside(dir, text string) (map[string][]byte, error) {
	c, _ := config.Parse(stickConfig, text)
	if c == nil {
		return nil, nil // it is told why
	}
	files := map[string][]byte{}
	for _, name := range st.takeover.Files.Wants(c) {
		b, err := board.ReadPlain(filepath.Join(dir, name), takeover.MostFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the board may have it
		}
		if err != nil {
			return nil, err
		}
		files[name] = b
	}
	return files, nil
}

// admit decides whether a configuration is looked at at all.
func (st *Station) admit(b *brought, raw []byte) error {
	c, _ := st.takeover.Running()
	if c == nil {
		return takeover.ErrBusy
	}
	if c.USB.PublicKey == "" {
		return nil
	}
	if b.unsigned != nil {
		return console.Tell(dlt645.Text{EN: "usb.public_key is set, and %s is missing or unfit: %v", ZH: "已设置 usb.public_key，但 %s 缺失或不可用：%v"}, dlt645.Text{}, b.name+signatureEnding, b.unsigned)
	}
	var err error
	b.signed, err = takeover.Verify(c, string(raw), b.signature)
	return err
}
