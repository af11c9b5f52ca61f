package station

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"aead.dev/minisign"
)

// inParts gives a configuration that has its meters in a table, and its bus in
// another file.
func inParts(text string) (main, common, table string) {
	i, j := strings.Index(text, "[[bus]]"), strings.Index(text, "[[meter]]")
	return text[:i] + "[[include]]\nfile = \"common.toml\"\n[[meters]]\nfile = \"meters.csv\"\nprofile = \"three-phase\"\n", text[i:j],
		"表号,名称,总线,密码\r\n202411200101,m1,b1,02987654\r\n202411200102,二,b1,\r\n"
}

// TestAStickForManyBoards: the file of this board wins, and shares the others.
// What is kept is one text.
func TestAStickForManyBoards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		main, common, table := inParts(text)
		s := &plainStick{dir: t.TempDir()}
		if err := os.Mkdir(filepath.Join(s.dir, "boards"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.put(t, stickConfig, strings.Replace(main, `"stick"`, `"other"`, 1))
		s.put(t, "boards/elsewhere.toml", "garbage")
		s.put(t, "boards/good.toml", main)
		s.put(t, "common.toml", common)
		s.put(t, "meters.csv", table)
		pull := plug(t, st, s, true)
		defer pull()
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL", "with it: common.toml, meters.csv")
		if got := ran(); len(got) != 2 || got[1] != "stick" {
			t.Errorf("ran %v", got)
		}
		kept, err := os.ReadFile(st.Files.Path)
		if err != nil || !strings.Contains(string(kept), `"二"`) || strings.Contains(string(kept), "meters.csv") {
			t.Errorf("on flash is\n%s", kept)
		}
		// A start with nothing beside it goes on with the trial.
		again := newTestStation(t, st.Files.Path)
		first, problems, err := again.First()
		if err != nil || len(first.Config.Meters) != 2 || len(problems) != 0 || first.Text != string(kept) {
			t.Errorf("the next start gives %v, %v", problems, err)
		}
	})
}

func TestNamesOfFilesOnSticks(t *testing.T) {
	for _, c := range []struct {
		what, name, in string // in is a folder; the text is a good configuration
		plugged        bool
		want           []string // none: no report
	}{
		{"Windows hides the ending", "meterd.toml.txt", "", true, []string{"TAKEN OVER", "meterd.toml.txt: it was taken for meterd.toml"}},
		{"a browser's second copy", "meterd(1).toml", "", true, []string{"REFUSED", `there is no meterd.toml on the stick, but "meterd(1).toml"`, "rename it to meterd.toml"}},
		{"capitals", "METERD.TOML", "", true, []string{"REFUSED", `but "METERD.TOML"`}},
		{"another ending", "meterd.txt", "", true, []string{"REFUSED", `but "meterd.txt"`}},
		{"another name", "config.toml", "", true, []string{"REFUSED", `but "config.toml"`}},
		{"a disk of the board's own", "config.toml", "", false, nil},
		{"a report of before", "meterd-report-gw.txt.old", "", true, nil},
		{"for other boards", "gw0002.toml", "boards", true, []string{"REFUSED", "the folder boards has no file for this board, good"}},
		{"for this board, with a hidden ending", "good.toml.txt", "boards", true, []string{"TAKEN OVER", "boards/good.toml.txt: it was taken for boards/good.toml"}},
		{"in a folder", "meterd.toml", "meterd", true, []string{"REFUSED", `but one in the folder "meterd"`, "take it out of the folder"}},
		{"a folder of that name", "holiday.jpg", "meterd", true, nil},
		{"a program with another ending", "meterd-v1.2-armv7.update.txt", "", true, []string{"REFUSED", "a program: rename it to meterd-v1.2-armv7.update"}},
		{"something else", "holiday.jpg", "", true, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, _, text := newStickStation(t, "")
				s := &plainStick{dir: t.TempDir()}
				if c.in != "" {
					if err := os.Mkdir(filepath.Join(s.dir, c.in), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				s.put(t, filepath.Join(c.in, c.name), text)
				pull := plug(t, st, s, c.plugged)
				defer pull()
				switch report, err := os.ReadFile(filepath.Join(s.dir, reportName("good"))); {
				case c.want == nil && err == nil:
					t.Errorf("there is a report: %s", report)
				case c.want == nil:
				default:
					wants(t, s.report(t), c.want...)
				}
			})
		})
	}
}

// TestAStickForOtherBoards: what is there for all is taken, and that there is
// nothing for this board is told.
func TestAStickForOtherBoards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		if err := os.Mkdir(filepath.Join(s.dir, "boards"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.put(t, stickConfig, text)
		s.put(t, "boards/gw0002.toml", "garbage")
		pull := plug(t, st, s, true)
		defer pull()
		wants(t, s.report(t), "TAKEN OVER", "the folder boards has no file for this board, good", "meterd.toml was taken")
	})
}

// TestFoldersThatLeadElsewhere are not gone into: boards may be a link.
func TestFoldersThatLeadElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		outside := t.TempDir()
		if err := os.WriteFile(filepath.Join(outside, "good.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &plainStick{dir: t.TempDir()}
		if err := os.Symlink(outside, filepath.Join(s.dir, "boards")); err != nil {
			t.Fatal(err)
		}
		main, common, _ := inParts(text)
		s.put(t, stickConfig, main)
		s.put(t, "common.toml", common)
		if err := os.Symlink("/etc/passwd", filepath.Join(s.dir, "meters.csv")); err != nil {
			t.Fatal(err)
		}
		pull := plug(t, st, s, true)
		defer pull()
		wants(t, s.report(t), "REFUSED", "meters.csv cannot be read", "symbolic link")
		if got := ran(); len(got) != 1 {
			t.Errorf("ran %v", got)
		}
	})
}

// TestASignatureCoversAllParts: what is included or a table counts as the
// configuration does.
func TestASignatureCoversAllParts(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(name, text string) string {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf(" sha256:%s=%s", name, hex.EncodeToString(sum[:]))
	}
	for _, c := range []struct {
		what    string
		comment func(common, table string) string
		forged  bool // the table is another than was signed
		want    string
	}{
		{"all", func(a, b string) string { return hash("common.toml", a) + hash("meters.csv", b) }, false, "TAKEN OVER"},
		{"without the table", func(a, _ string) string { return hash("common.toml", a) }, false, "meters.csv comes with it, and the signature does not cover it"},
		{"without the other file", func(_, b string) string { return hash("meters.csv", b) }, false, "common.toml comes with it, and the signature does not cover it"},
		{"another table", func(a, b string) string { return hash("common.toml", a) + hash("meters.csv", b) }, true, "meters.csv is not the file that was signed"},
		{"one that is not named", func(a, b string) string {
			return hash("common.toml", a) + hash("meters.csv", b) + hash("other.csv", b)
		}, false, "the signature covers other.csv, which the configuration does not name"},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st, ran, text := newStickStation(t, "[usb]\npublic_key = \""+public.String()+"\"\n")
				main, common, table := inParts(text)
				s := &plainStick{dir: t.TempDir()}
				s.put(t, stickConfig, main)
				s.put(t, stickSignature, string(minisign.SignWithComments(private, []byte(main), "gateway:good date:2026-11-20T12:00:00Z"+c.comment(common, table), "")))
				s.put(t, "common.toml", common)
				if c.forged {
					table = strings.Replace(table, "202411200102", "202411200103", 1)
				}
				s.put(t, "meters.csv", table)
				pull := plug(t, st, s, true)
				defer pull()
				wants(t, s.report(t), c.want)
				if got := ran(); (len(got) == 2) != (c.want == "TAKEN OVER") {
					t.Errorf("ran %v", got)
				}
			})
		})
	}
}

// TestANewBoardSaysThatItHasNoConfiguration, runs, and takes one; but one that
// names nothing takes no place of another.
func TestANewBoardSaysThatItHasNoConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
		blank := fmt.Sprintf("[gateway]\nid = \"new\"\n[store]\npath = %q\nsize = \"1MiB\"\n[console]\nsocket = %q\n", filepath.Join(dir, "x.ring"), filepath.Join(dir, "sock"))
		if err := os.WriteFile(st.Files.Path, []byte(blank), 0o600); err != nil {
			t.Fatal(err)
		}
		first, problems, err := st.First()
		if err != nil || !first.Config.Blank || len(problems) != 1 || !strings.Contains(problems[0].Text, "nothing is read") {
			t.Fatalf("the first start gives %v, %v", problems, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		s := &plainStick{dir: t.TempDir()}
		s.put(t, stickConfig, text[:strings.Index(text, "[[bus]]")])
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "REFUSED", "nothing is read")
		pull()
		if got := ran(); len(got) != 1 {
			t.Errorf("ran %v", got)
		}
		time.Sleep(time.Second)
	})
}
