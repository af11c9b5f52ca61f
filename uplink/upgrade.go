package uplink

import (
	"context"
	"time"
)

// Package is a program that a platform has for the board itself. What the
// platform says of it proves nothing: what is inside is signed by who made it.
type Package struct {
	Job     string // the platform's name of the task
	Version string // that it brings, as the platform says
	Size    int64  // bytes
	Digest  string // hexadecimal: 32 digits are MD5's, 64 SHA-256's; "": none
	URL     string
	Header  map[string]string // of each request for it
	// Good tells what is wrong with an answer beyond its status; nil: nothing is.
	Good func(header func(name string) string) error
}

// Stage is how far a package is.
type Stage uint8

// The stages, in their order. Installed and Failed are told once more after
// each connect for a day, since nobody answers.
const (
	NoPackage  Stage = iota
	Fetching         // Progress.Percent of it
	Installing       // it is whole in its place, and starts next
	OnTrial          // it runs, and has to prove itself
	Installed        // it runs
	Failed           // Progress.Failure, Progress.Text
)

// Failure is why a package is not installed.
type Failure uint8

// The failures. Before TakenBack nothing was changed on the board.
const (
	NotTaken  Failure = iota + 1 // it is refused: the board's own rules, its key or its kind
	NoRoom                       // the flash has none
	Broken                       // it did not come whole
	BadDigest                    // it is not what the platform says
	TakenBack                    // it ran, and did not prove itself
)

// Progress tells how far the last package of a platform is.
type Progress struct {
	Job     string
	Version string
	Stage   Stage
	Percent int
	Failure Failure
	Text    string
	At      time.Time // of the last change of stage
}

// Upgrades takes packages from one platform. Its methods do not wait, and may
// be called by any goroutine.
type Upgrades interface {
	// Take hands a package over. What becomes of it Progress tells.
	Take(p Package)
	// Progress tells of the last one.
	Progress() Progress
	// Ring is for a platform that is asked for packages: it has one.
	Ring()
	// Resume gives the job that was at work when the board stopped, "" if none was:
	// it is to be asked for again.
	Resume() string
}

// Puller is a Platform that is told the version, and asked for packages, by
// requests of its own. Each waits for its answer.
type Puller interface {
	// Report tells the version that runs.
	Report(ctx context.Context, version string) error
	// Check asks for a package, false if there is none.
	Check(ctx context.Context, version string) (Package, bool, error)
	// Tell tells how far it is.
	Tell(ctx context.Context, p Progress) error
}
