package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"meterd/dlt645"
)

// Kind is what an image holds.
type Kind string

// The kinds of images.
const (
	Program Kind = "program" // the program alone, for a board with a package
	Card    Kind = "card"    // the read-only root of a card, the program in it
)

// Image names what a slot or an update file holds. What came with the package
// or with the card may be known by version, board and kind alone.
type Image struct {
	Version string `json:"version"` // as meterd version prints it
	Board   string `json:"board"`   // "armv7" of a program, the card's board ("qemu") of a card
	Kind    Kind   `json:"kind"`
	Size    int64  `json:"size"` // bytes
	Hash    Hash   `json:"sha256,omitzero"`
}

// Hash is a SHA-256 of an image's bytes; zero: not known. Its text is
// hexadecimal.
type Hash [sha256.Size]byte

// MarshalText gives the hexadecimal text.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText takes 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return hex.ErrLength
	}
	_, err := hex.Decode(h[:], text)
	return err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MostStarts is how often what is on trial may be started. Whoever starts
// slots (the launcher, the boot loader) counts a start durably before it makes
// it, and does not make the one after these: it starts the other slot then.
const MostStarts = 3

// Slots are the two places of an image on a board, of which one runs. They do
// not judge: what may be written, and whether it has proved itself, is
// Engine's business. One Engine uses them, one call at a time.
//
// Each change is durable when it returns, and a power cut at any moment leaves
// a board that starts a whole image:
//
//	Write    the other slot starts no more  ─►  it holds the image, whole
//	Try      the other slot starts next, MostStarts times at most
//	Confirm  this slot starts from now on
//	Back     the other slot starts from now on
//
// Two implementations: Folder, of a board with a package (a launcher and two
// binaries), and that of a card (two root partitions, and a sector that the boot
// loader reads).
type Slots interface {
	// State tells what runs, and what came of the last trial. It changes nothing.
	State() (State, error)
	// Write puts the image into the slot that does not run: in.Size bytes of
	// payload, which ends with io.EOF only where they were the right ones. Any
	// other end, a full disk or the context's leaves a slot that starts no more;
	// what runs is never touched. What the medium holds is read again and
	// compared with in.Hash before this returns nil.
	Write(ctx context.Context, in Image, payload io.Reader) error
	// Try has what Write has put there start next, on trial.
	Try() error
	// Confirm ends the trial of what runs: it starts from now on.
	Confirm() error
	// Back ends the trial of what runs: the other slot starts from now on, and
	// State then tells GaveUp.
	Back() error
	// Restart is called once the program has ended all that it does, as the last
	// thing: it starts what is to start next, by an end of the program that
	// somebody starts again (then it returns nil), or by a restart of the board.
	Restart() error
}

// State is what stands in the slots.
type State struct {
	Running Image
	Other   Image // zero: nothing that could start
	Trial   bool  // Running is on trial
	Starts  int   // of it on trial, this one included
	Fell    Fall  // how the last trial ended, if Running is what ran before it
	Left    bool  // Running was given up by Back, and runs on until the board restarts
	Armed   bool  // Other was to start, on trial, and did not: the board has not restarted
}

// Fall is how a trial ended that was not confirmed.
type Fall uint8

// The ways. A new Write makes it None.
const (
	None   Fall = iota
	Spent       // it was started MostStarts times without a Confirm
	Broken      // the slot does not start: it is not whole, or no program of this board
	GaveUp      // Back was called
	Hung        // it did not end in its time, and was ended from outside
)

// Text tells it to people, "" of None and GaveUp: who called Back knows why.
func (f Fall) Text() dlt645.Text {
	switch f {
	case Spent:
		return dlt645.Text{EN: "it was started 3 times without proving itself", ZH: "已启动 3 次仍未证明可用"}
	case Broken:
		return dlt645.Text{EN: "its slot does not start", ZH: "其所在分区无法启动"}
	case Hung:
		return dlt645.Text{EN: "it hung", ZH: "程序挂起"}
	}
	return dlt645.Text{}
}
