package update

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"meterd/cmd/meterd/console"
)

// signer is who makes update files.
type signer struct {
	key    minisign.PrivateKey
	public string
}

func newSigner(t testing.TB) signer {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{private, public.String()}
}

// file makes the update file of an image.
func (s signer) file(t testing.TB, f Facts, image []byte) []byte {
	t.Helper()
	f.Size, f.Hash = int64(len(image)), sha256.Sum256(image)
	return s.seal(t, f, f.Comment(), image)
}

// seal signs any comment.
func (s signer) seal(t testing.TB, f Facts, comment string, image []byte) []byte {
	t.Helper()
	r := minisign.NewReader(bytes.NewReader(image))
	io.Copy(io.Discard, r)
	head, err := Head(f, r.SignWithComments(s.key, comment, "by a test"))
	if err != nil {
		t.Fatal(err)
	}
	return append(head, image...)
}

func factsOf(version string) Facts {
	return Facts{Image: Image{Version: version, Board: "armv7", Kind: Program}, Floor: version}
}

// opened reads a whole file.
func opened(b []byte, key string) (Facts, []byte, error) {
	f, err := Open(bytes.NewReader(b), key)
	if err != nil {
		return Facts{}, nil, err
	}
	image, err := io.ReadAll(f.Payload())
	return f.Facts, image, err
}

// TestAFileGivesItsImage, and what its signer says of it.
func TestAFileGivesItsImage(t *testing.T) {
	s := newSigner(t)
	image := bytes.Repeat([]byte("image"), 10000)
	f := factsOf("v1.4.0-3-gabcdef0")
	f.Floor, f.Older = "1.2.0", true
	got, b, err := opened(s.file(t, f, image), s.public)
	if err != nil || !bytes.Equal(b, image) || got.Version != f.Version || got.Floor != "1.2.0" || !got.Older || got.Size != 50000 || Name(got.Image) != "meterd-v1.4.0-3-gabcdef0-armv7.update" {
		t.Errorf("got %+v, %d bytes, %v", got, len(b), err)
	}
}

// TestAFileIsRefused tells what is wrong, in both languages.
func TestAFileIsRefused(t *testing.T) {
	s, stranger := newSigner(t), newSigner(t)
	image := bytes.Repeat([]byte("image"), 1000)
	f := factsOf("1.4.0")
	good := s.file(t, f, image)
	f.Size, f.Hash = int64(len(image)), sha256.Sum256(image)
	change := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	replace := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	shorter := bytes.Clone(image)
	shorter[0]++
	for _, tc := range []struct {
		name string
		b    []byte
		en   string
		zh   string
	}{
		{"empty", nil, "no update file", "不是"},
		{"a zip bomb", append([]byte("PK\x03\x04"), make([]byte, 1<<20)...), "no update file", "不是"},
		{"one endless line", append([]byte(magic), bytes.Repeat([]byte("a"), 1<<20)...), "no update file", "不是"},
		{"the first line alone", []byte(magic), "too early", "不完整"},
		{"another format", replace("update 1", "update 2"), "no update file", "不是"},
		{"no signature", append([]byte(magic), "a\nb\nc\nd\n\n"...), "no update file", "不是"},
		{"by another key", stranger.file(t, factsOf("1.4.0"), image), "not signed by this board's key", "不是用本板的密钥"},
		{"another version in its comment", replace("version:1.4.0", "version:1.5.0"), "not signed by this board's key", "密钥"},
		{"another board in its comment", replace("armv7", "armv5"), "not signed by this board's key", "密钥"},
		{"a signature for a configuration", s.seal(t, f, "gateway:any date:2026-11-01T00:00:00Z", image), "not understood", "无法识别"},
		{"two sizes", s.seal(t, f, f.Comment()+" size:5", image), "not understood", "无法识别"},
		{"no line between", replace("\n\nimage", "\nimage"), "no update file", "不是"},
		{"a bit of the image", change(len(good) - 1000), "damaged", "损坏"},
		{"a bit of its first byte", change(len(good) - len(image)), "damaged", "损坏"},
		{"one byte less", good[:len(good)-1], "too early", "不完整"},
		{"one byte more", append(bytes.Clone(good), 0), "goes on", "多余"},
		{"the image of another, of its size", append(bytes.Clone(good[:len(good)-len(image)]), shorter...), "damaged", "损坏"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := opened(tc.b, s.public)
			told, ok := errors.AsType[*console.Told](err)
			if !ok || !strings.Contains(told.Text.EN, tc.en) || !strings.Contains(told.Text.ZH, tc.zh) {
				t.Errorf("got %v, want %q", err, tc.en)
			}
		})
	}
}

// TestEachCutOfAFileIsFound, wherever it is, and none gives more than was
// signed.
func TestEachCutOfAFileIsFound(t *testing.T) {
	s := newSigner(t)
	good := s.file(t, factsOf("1.4.0"), bytes.Repeat([]byte("image"), 100))
	for n := range len(good) {
		if _, _, err := opened(good[:n], s.public); err == nil {
			t.Fatalf("%d of %d bytes pass", n, len(good))
		}
	}
}

// TestEachBitCounts: none of a file can be changed but of its untrusted
// comment.
func TestEachBitCounts(t *testing.T) {
	s := newSigner(t)
	good := s.file(t, factsOf("1.4.0"), []byte("image"))
	from := bytes.Index(good, []byte("by a test"))
	for i := range good {
		if i >= from && i < from+len("by a test") {
			continue
		}
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			if _, _, err := opened(b, s.public); err == nil {
				t.Errorf("bit %d of byte %d (%q) can be changed", bit, i, good[i])
			}
		}
	}
}

// TestMinisignTakesTheSignature: whoever distrusts meterd can check a file by
// hand.
func TestMinisignTakesTheSignature(t *testing.T) {
	if _, err := exec.LookPath("minisign"); err != nil {
		t.Skip("there is no minisign")
	}
	s := newSigner(t)
	image := bytes.Repeat([]byte("image"), 1000)
	file := s.file(t, factsOf("1.4.0"), image)
	dir := t.TempDir()
	head := bytes.Split(file, []byte("\n\n"))[0]
	err := errors.Join(os.WriteFile(filepath.Join(dir, "i"), image, 0o600), os.WriteFile(filepath.Join(dir, "i.minisig"), append(head[len(magic):], '\n'), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("minisign", "-Vm", filepath.Join(dir, "i"), "-P", s.public).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// FuzzOpen: no file panics, and what passes is what was signed.
func FuzzOpen(f *testing.F) {
	s := newSigner(f)
	image := []byte("the image that was signed")
	good := s.file(f, factsOf("1.4.0"), image)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, got, err := opened(b, s.public); err == nil && !bytes.Equal(got, image) {
			t.Errorf("passes: %q", b)
		}
	})
}

// FuzzComment: what parses is written so again.
func FuzzComment(f *testing.F) {
	facts := factsOf("1.4.0")
	facts.Size, facts.Hash = 5, Hash{1}
	f.Add(facts.Comment())
	facts.Older = true
	f.Add(facts.Comment())
	f.Fuzz(func(t *testing.T, s string) {
		if facts, err := ParseComment(s); err == nil && facts.Comment() != s {
			t.Errorf("%q becomes %q", s, facts.Comment())
		}
	})
}

// TestVersionsInTheirOrder: each is later than the one before it.
func TestVersionsInTheirOrder(t *testing.T) {
	order := []string{"dev", "0.9", "v1.0.0", "1.0.0-1-gabcdef0", "1.0.1", "1.2", "v1.10.0", "1.10.0-3-g1-dirty", "1.10.0-12-g1", "2"}
	for i, a := range order {
		for j, b := range order {
			got := compareVersions(a, b)
			if want := i - j; got < 0 != (want < 0) || got > 0 != (want > 0) {
				t.Errorf("%s and %s: got %d", a, b, got)
			}
		}
	}
	for _, pair := range [][2]string{{"v1.4.0", "1.4"}, {"dev", "0123abc"}, {"1.0.0-rc1", "dev"}, {"1.2.3.4", "x"}} {
		if compareVersions(pair[0], pair[1]) != 0 {
			t.Errorf("%v are not the same", pair)
		}
	}
}

// TestFactsThatNoUpdateMayHave are not signed, and not read.
func TestFactsThatNoUpdateMayHave(t *testing.T) {
	good := factsOf("1.4.0")
	good.Size, good.Hash = 5, Hash{1}
	if _, err := ParseComment(good.Comment()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Facts){
		"a kind":                         func(f *Facts) { f.Kind = "script" },
		"no board":                       func(f *Facts) { f.Board = "" },
		"a path as its board":            func(f *Facts) { f.Board = "../x" },
		"a version with a blank":         func(f *Facts) { f.Version = "1 2" },
		"a long version":                 func(f *Facts) { f.Version = strings.Repeat("1", 65) },
		"a floor above it":               func(f *Facts) { f.Floor = "1.5.0" },
		"no floor":                       func(f *Facts) { f.Floor = "" },
		"no bytes":                       func(f *Facts) { f.Size = 0 },
		"more bytes than a disk":         func(f *Facts) { f.Size = MostImage + 1 },
		"no hash":                        func(f *Facts) { f.Hash = Hash{} },
		"a name that begins with a dot":  func(f *Facts) { f.Version, f.Floor = ".1", ".1" },
		"a version with a control code":  func(f *Facts) { f.Version = "1\x1b" },
		"a version that hides a comment": func(f *Facts) { f.Version = "1 older:yes" },
	} {
		f := good
		change(&f)
		if _, err := ParseComment(f.Comment()); err == nil {
			t.Errorf("%s passes", name)
		}
		if _, err := Head(f, []byte("1\n2\n3\n4\n")); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}
