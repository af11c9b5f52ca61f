package main

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"meterd/cmd/meterd/update"
)

// TestAFileIsMade that a board takes, the same bytes each time.
func TestAFileIsMade(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	closed, keys := []byte{}, []string{"plain", "plain"}
	if os.Getenv("METERD_LONG") != "" { // a password costs a GiB and half a minute, on purpose
		keys = append(keys, "closed")
		if closed, err = minisign.EncryptKey("secret", private); err != nil {
			t.Fatal(err)
		}
	}
	plain, err := private.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	image := bytes.Repeat([]byte("image"), 1000)
	for name, b := range map[string][]byte{"closed": closed, "plain": plain, "image": image} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("METERD_KEY_PASSWORD", "secret")
	var made [][]byte
	for _, key := range keys {
		var out strings.Builder
		args := []string{"-key", filepath.Join(dir, key), "-version", "v1.4.0", "-board", "armv7", "-floor", "1.2.0", "-o", dir, filepath.Join(dir, "image")}
		if err := run(args, &out); err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "meterd-v1.4.0-armv7.update") + "\n"; out.String() != want {
			t.Errorf("printed %q", out.String())
		}
		b, err := os.ReadFile(strings.TrimSpace(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, b)
	}
	for _, b := range made {
		if !bytes.Equal(b, made[0]) {
			t.Error("the bytes are not the same")
		}
	}
	f, err := update.Open(bytes.NewReader(made[0]), public.String())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f.Payload()); err != nil || !bytes.Equal(b, image) || f.Floor != "1.2.0" || f.Older || f.Kind != update.Program {
		t.Errorf("%+v, %d bytes, %v", f.Facts, len(b), err)
	}
	for _, args := range [][]string{nil, {"-key", filepath.Join(dir, "plain")}, {"-key", filepath.Join(dir, "image"), filepath.Join(dir, "image")},
		{"-key", filepath.Join(dir, "plain"), "-version", "1", "-board", "a b", filepath.Join(dir, "image")},
		{"-key", filepath.Join(dir, "plain"), "-version", "1", "-floor", "2", "-board", "a", "-o", dir, filepath.Join(dir, "image")}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
