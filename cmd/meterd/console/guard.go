package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"meterd/dlt645"
)

const (
	// freePINs is how many wrong PINs cost nothing.
	freePINs = 3
	// firstPause follows the last of them; each further wrong PIN doubles it.
	firstPause = 30 * time.Second
	// longestPause bounds it: who knows the PIN gets in the same hour.
	longestPause = 30 * time.Minute
)

// guard asks for the PIN before what changes something. It lives in the
// daemon, so that a new connection does not help who guesses. The zero value
// lets everybody pass.
type guard struct {
	has bool
	sum [sha256.Size]byte // of the PIN: a comparison of sums tells no length

	mu    sync.Mutex
	wrong int       // in a row
	until time.Time // no PIN is looked at before
}

func newGuard(pin string) *guard { return &guard{has: pin != "", sum: sha256.Sum256([]byte(pin))} }

// admit gives nil if the command may go on.
func (g *guard) admit(now time.Time, command, pin string) error {
	if !g.has {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.until.Sub(now); wait > 0 {
		return Tell(dlt645.Text{EN: "too many wrong PINs: none is looked at for %v", ZH: "PIN 错误次数过多：%v 内不再受理"},
			dlt645.Text{EN: "wait; a new connection does not shorten it", ZH: "请等待；重新连接不会缩短"}, wait.Round(time.Second))
	}
	if pin == "" {
		return wantPIN(dlt645.Text{EN: "%s changes something: the PIN is missing", ZH: "%s 会更改设备：需要 PIN"}, command)
	}
	sum := sha256.Sum256([]byte(pin))
	if subtle.ConstantTimeCompare(sum[:], g.sum[:]) == 1 {
		g.wrong = 0
		return nil
	}
	g.wrong++
	if g.wrong >= freePINs {
		g.until = now.Add(min(longestPause, firstPause<<min(10, g.wrong-freePINs)))
	}
	return wantPIN(dlt645.Text{EN: "%s changes something: the PIN is wrong", ZH: "%s 会更改设备：PIN 错误"}, command)
}

func wantPIN(text dlt645.Text, command string) *Told {
	t := Tell(text, dlt645.Text{EN: "give it as: meterd exec -pin PIN ...", ZH: "用法：meterd exec -pin PIN ..."}, command)
	t.Want = WantPIN
	return t
}
