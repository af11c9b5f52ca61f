// Command sign makes the update file of an image, see docs/updates.md, or signs a
// file as minisign does. make update and make release run it; it is never
// flashed, and keeps no key.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"aead.dev/minisign"
	"golang.org/x/term"

	"meterd/cmd/meterd/update"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	f := flag.NewFlagSet("sign", flag.ContinueOnError)
	var facts update.Facts
	key := f.String("key", "", "a file of minisign -G; its password is in METERD_KEY_PASSWORD, or asked for")
	f.StringVar(&facts.Version, "version", "", "of the image, as meterd version prints it")
	f.StringVar(&facts.Board, "board", "", "armv5, armv7, arm64, or a card's board")
	kind := f.String("kind", string(update.Program), "program or card")
	f.StringVar(&facts.Floor, "floor", "", "the earliest version that a board takes from then on; its own unless given")
	f.BoolVar(&facts.Older, "older", false, "for boards whose floor is above it, too")
	dir := f.String("o", ".", "the folder to write it into")
	beside := f.String("beside", "", "sign the file as it is, into FILE.minisig beside it, with this trusted comment")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 || *key == "" {
		return errors.New("want -key FILE, and the image")
	}
	facts.Kind = update.Kind(*kind)
	if facts.Floor == "" {
		facts.Floor = facts.Version
	}
	private, err := readKey(*key)
	if err != nil {
		return err
	}
	if *beside != "" {
		return signBeside(f.Arg(0), *beside, private)
	}
	image, err := os.Open(f.Arg(0))
	if err != nil {
		return err
	}
	defer image.Close()
	path := filepath.Join(*dir, update.Name(facts.Image))
	if err := sign(path, facts, private, image); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, path)
	return err
}

// signBeside writes the signature of a file beside it.
func signBeside(path, comment string, key minisign.PrivateKey) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".minisig", minisign.SignWithComments(key, b, comment, "meterd"), 0o644)
}

// readKey reads a key, which most people keep behind a password.
func readKey(path string) (minisign.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return minisign.PrivateKey{}, err
	}
	if !minisign.IsEncrypted(b) {
		var k minisign.PrivateKey
		err := k.UnmarshalText(b)
		return k, err
	}
	password, given := os.LookupEnv("METERD_KEY_PASSWORD")
	if !given {
		fmt.Fprintf(os.Stderr, "password of %s: ", path)
		p, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return minisign.PrivateKey{}, err
		}
		password = string(p)
	}
	return minisign.DecryptKey(password, b)
}

// sign writes the file. The same image, facts and key give the same bytes.
func sign(path string, facts update.Facts, key minisign.PrivateKey, image io.ReadSeeker) error {
	sum := sha256.New()
	size, err := io.Copy(sum, image)
	if err != nil {
		return err
	}
	facts.Size, facts.Hash = size, update.Hash(sum.Sum(nil))
	if _, err := image.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := minisign.NewReader(image)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	head, err := update.Head(facts, r.SignWithComments(key, facts.Comment(), "update of meterd"))
	if err != nil {
		return err
	}
	if _, err := image.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.MultiReader(bytes.NewReader(head), image))
	return errors.Join(err, out.Close())
}
