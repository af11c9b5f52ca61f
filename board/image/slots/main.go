// Command slots is a test's hand on the slots of a card: state, write FILE
// VERSION, try, confirm, back. It is on the cards that tests boot, and on no
// other.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"meterd/cmd/meterd/update"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	c, err := update.OpenCard(nil)
	if err != nil {
		return err
	}
	switch args[0] {
	case "state":
		st, err := c.State()
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(st)
	case "write":
		f, err := os.Open(args[1])
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		size, err := io.Copy(sum, f)
		if err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return c.Write(context.Background(), update.Image{Version: args[2], Board: c.Image.Board, Kind: update.Card, Size: size, Hash: update.Hash(sum.Sum(nil))}, f)
	case "try":
		return c.Try()
	case "confirm":
		return c.Confirm()
	case "back":
		return c.Back()
	}
	return fmt.Errorf("unknown: %q", args)
}
