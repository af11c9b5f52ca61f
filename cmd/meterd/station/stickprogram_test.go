package station

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"aead.dev/minisign"

	"meterd/cmd/meterd/update"
)

// programs makes update files for the board that the tests run on.
type programs struct {
	t       *testing.T
	private minisign.PrivateKey
	public  string
	slots   string
}

func newPrograms(t *testing.T) *programs {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &programs{t, private, public.String(), t.TempDir()}
}

func (p *programs) file(version, board string) string {
	p.t.Helper()
	image := []byte("the program " + version)
	f := update.Facts{Image: update.Image{Version: version, Board: board, Kind: update.Program, Size: int64(len(image)), Hash: sha256.Sum256(image)}, Floor: version}
	r := minisign.NewReader(bytes.NewReader(image))
	io.Copy(io.Discard, r)
	head, err := update.Head(f, r.SignWithComments(p.private, f.Comment(), "by a test"))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(head) + string(image)
}

// boot starts the board as its launcher would, with the engine of that.
func (p *programs) boot(st *Station) update.Slot {
	p.t.Helper()
	var slot update.Slot
	st.Update, slot = p.engine(st.Files.Path, slog.DiscardHandler)
	st.takeover.Hold = st.Update.Held
	return slot
}

// engine is that of the program that the slots say runs, and its slot.
func (p *programs) engine(file string, log slog.Handler) (*update.Engine, update.Slot) {
	p.t.Helper()
	own := update.ThisPackage("1.0.0")
	slot, err := update.OpenFolder(p.slots, own, update.NoSlot).Start()
	if err != nil {
		p.t.Fatal(err)
	}
	return update.New(time.Now(), update.Config{Slots: update.OpenFolder(p.slots, own, slot), Dir: p.slots, File: file, Log: slog.New(log)}), slot
}

func (p *programs) usb() string { return "[usb]\npublic_key = \"" + p.public + "\"\n" }

func (p *programs) restarts(st *Station, want bool) {
	p.t.Helper()
	select {
	case <-st.Update.Restarting():
		if !want {
			p.t.Error("the program ends")
		}
	default:
		if want {
			p.t.Error("the program does not end")
		}
	}
}

// TestAStickBringsAProgram: written, told, the program ends; the next one tells
// that it is on trial, and that it works.
func TestAStickBringsAProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms(t)
		st, _, _ := newStickStation(t, p.usb())
		p.boot(st)
		s := &plainStick{dir: t.TempDir()}
		board := update.ThisBoard()
		s.put(t, "meterd-1.1.0-"+board+".update", p.file("1.1.0", board))
		s.put(t, "meterd-1.2.0-"+board+".update", p.file("1.2.0", board))
		s.put(t, "meterd-1.3.0-other.update", p.file("1.3.0", "other"))
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL", "program 1.2.0: it is whole in its place", "leave the stick in")
		p.restarts(st, true)
		pull()

		if slot := p.boot(st); slot != update.SlotA {
			t.Fatalf("slot %q starts", slot)
		}
		pull = plug(t, st, s, false)
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL", "program 1.2.0: it runs, on trial")
		st.Update.Prove(t.Context(), func() update.Came { return update.Came{Store: true, Console: true} })
		time.Sleep(2 * time.Second)
		wants(t, s.report(t), "result: TAKEN OVER\r\n", "program 1.2.0: it works")
		p.restarts(st, false)
		pull()
		pull = plug(t, st, s, true)
		wants(t, s.report(t), "result: TAKEN OVER\r\n", "program 1.2.0: it works")
		pull()
		p.boot(st)
		if v := st.Update.View(); v.Running.Version != "1.2.0" || v.Phase != update.Proved {
			t.Errorf("%+v", v)
		}
	})
}

// TestAProgramThatIsTakenBack is told of on its stick, and not tried again
// until that is plugged in anew.
func TestAProgramThatIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms(t)
		st, _, _ := newStickStation(t, p.usb())
		p.boot(st)
		s := &plainStick{dir: t.TempDir()}
		s.put(t, "new.UPDATE", p.file("1.1.0", update.ThisBoard()))
		plug(t, st, s, true)()
		p.boot(st)
		st.Update.Prove(t.Context(), func() update.Came { return update.Came{Console: true} }) // its ring does not open
		p.restarts(st, true)
		if slot := p.boot(st); slot != update.NoSlot {
			t.Fatalf("slot %q starts", slot)
		}
		plug(t, st, s, false)()
		wants(t, s.report(t), "TAKEN BACK", "program 1.1.0: it was taken back, the one before runs again: within 10 minutes, the ring on flash did not open", "plug it in again")
		p.restarts(st, false)
		plug(t, st, s, true)()
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL")
		p.restarts(st, true)
	})
}

// TestAProgramThatIsRefused is told of, and the program goes on.
func TestAProgramThatIsRefused(t *testing.T) {
	board := update.ThisBoard()
	for _, tc := range []struct {
		name, usb string // usb: "": the key of the programs
		file      func(p *programs) string
		want      string
	}{
		{"another board's", "", func(p *programs) string { return p.file("1.1.0", "other") }, "the update is for other (program), and this board is " + board},
		{"an older one", "", func(p *programs) string { return p.file("0.9.0", board) }, "older than 1.0.0"},
		{"a zip bomb", "", func(*programs) string { return "PK\x03\x04" + strings.Repeat("\x00", 1<<20) }, "no update file"},
		{"an empty one", "", func(*programs) string { return "" }, "no update file"},
		{"one that was cut", "", func(p *programs) string { return strings.TrimSuffix(p.file("1.1.0", board), "0") }, "program 1.1.0: the update file ends too early"},
		{"one with more", "", func(p *programs) string { return p.file("1.1.0", board) + "!" }, "program 1.1.0: the update file goes on"},
		{"another key's", "", func(p *programs) string { return newPrograms(p.t).file("1.1.0", board) }, "not signed by this board's key"},
		{"without a key", "[usb]\nenable = true\n", func(p *programs) string { return p.file("1.1.0", board) }, "no key to check it by"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPrograms(t)
				usb := tc.usb
				if usb == "" {
					usb = p.usb()
				}
				st, ran, _ := newStickStation(t, usb)
				p.boot(st)
				s := &plainStick{dir: t.TempDir()}
				s.put(t, "meterd.update", tc.file(p))
				plug(t, st, s, true)()
				wants(t, s.report(t), "REFUSED", tc.want)
				p.restarts(st, false)
				if len(ran()) != 1 || p.boot(st) != update.NoSlot {
					t.Error("something else runs")
				}
			})
		})
	}
}

// TestAProgramAndAConfiguration on one stick: the program first, then the other
// beside what came of that.
func TestAProgramAndAConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms(t)
		st, ran, text := newStickStation(t, "[update]\n")
		p.boot(st)
		s := &plainStick{dir: t.TempDir()}
		s.put(t, "meterd.update", p.file("1.1.0", update.ThisBoard()))
		s.put(t, stickConfig, text)
		pull := plug(t, st, s, true)
		wants(t, s.report(t), "TAKEN OVER, ON TRIAL", "it goes back by itself unless a meter", "no key to check it by")
		if n := len(ran()); n != 2 {
			t.Errorf("%d configurations ran", n)
		}
		// Of two things on trial nobody could tell which is to blame.
		_, err := st.onDuty().takeUpdate(t.Context(), strings.NewReader(""), update.Offer{})
		if err != errConfigOnTrial {
			t.Errorf("beside a configuration on trial: %v", err)
		}
		prove(t, st, true)
		pull()
	})
}

// TestNoConfigurationBesideAProgramOnTrial: the way back has that of its time.
func TestNoConfigurationBesideAProgramOnTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms(t)
		st, ran, text := newStickStation(t, p.usb())
		p.boot(st)
		s := &plainStick{dir: t.TempDir()}
		s.put(t, "meterd.update", p.file("1.1.0", update.ThisBoard()))
		plug(t, st, s, true)()
		p.boot(st)
		other := &plainStick{dir: t.TempDir()}
		other.put(t, stickConfig, text)
		signature := minisign.Sign(p.private, []byte(text))
		other.put(t, stickConfig+signatureEnding, string(signature))
		plug(t, st, other, true)()
		wants(t, other.report(t), "REFUSED", "a new program is on trial")
		if n := len(ran()); n != 1 {
			t.Errorf("%d configurations ran", n)
		}
	})
}

// TestAFileOfTheBoard is taken as that of a stick is.
func TestAFileOfTheBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms(t)
		st, _, _ := newStickStation(t, p.usb())
		p.boot(st)
		dir := t.TempDir()
		if _, err := st.onDuty().takeUpdateFile(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("a folder: %v", err)
		}
		path := filepath.Join(dir, "new.update")
		if _, err := st.onDuty().takeUpdateFile(t.Context(), path); err == nil {
			t.Error("nothing is taken")
		}
		if err := os.WriteFile(path, []byte(p.file("1.1.0", update.ThisBoard())), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := st.onDuty().takeUpdateFile(t.Context(), path); err != nil || f.Version != "1.1.0" {
			t.Errorf("%+v, %v", f, err)
		}
		p.restarts(st, false) // who asked is told first
		time.Sleep(2*toldFor + time.Millisecond)
		p.restarts(st, true)
		if v := st.Update.View(); v.Phase != update.Written || v.By != "console" {
			t.Errorf("%+v", v)
		}
	})
}
