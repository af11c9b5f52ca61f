package dlt645

import (
	"errors"
	"fmt"
)

// ErrSequence says that a follow-up frame is not the one that was to come.
// The whole read starts again then.
var ErrSequence = errors.New("dlt645: follow-up frame out of sequence")

// mostFollowUp bounds the follow-up frames of one read. The longest record of
// the table has 1026 bytes.
const mostFollowUp = 512

// Assembly puts a read answer and its follow-up frames together (clause
// 7.1.3): the first answer carries no SEQ, the next ones count from 1, and 1
// follows 255. The edition of 1997 does not count.
type Assembly struct {
	di     DI
	data   []byte
	frames int
	ended  bool
}

// Add takes the next frame over and reports whether another follows. A frame
// of another identifier or SEQ is ErrSequence, and so is one that follows
// without end or without data.
func (s *Assembly) Add(f Frame) (more bool, err error) {
	di, ok := f.DI()
	if fn := f.Control.Function(); s.ended || (fn == FuncReadMore || fn == Func97ReadMore) != (s.frames > 0) {
		return false, fmt.Errorf("%w: a frame of %02XH is not what follows", ErrSequence, byte(f.Control))
	}
	if !ok || s.frames > 0 && di != s.di {
		return false, fmt.Errorf("%w: it is for %s, not for %s", ErrSequence, di, s.di)
	}
	seq, numbered := f.SEQ()
	if want := s.seq(); numbered && seq != want || !numbered && s.frames > 0 && di.Protocol == V2007 {
		return false, fmt.Errorf("%w: number %d of %s, want %d", ErrSequence, seq, di, want)
	}
	payload := f.Payload()
	if f.Control.More() && (s.frames == mostFollowUp || s.frames > 0 && len(payload) == 0) {
		return false, fmt.Errorf("%w: %s goes on without end", ErrSequence, di)
	}
	s.di = di
	s.data = append(s.data, payload...)
	s.frames++
	s.ended = !f.Control.More()
	return f.Control.More(), nil
}

// seq is the number of the next follow-up frame: 1 to 255, then 1 again.
func (s *Assembly) seq() byte {
	if s.frames == 0 {
		return 0
	}
	return byte((s.frames-1)%255) + 1
}

// Next asks the meter for the next frame.
func (s *Assembly) Next(a Address) Frame { return ReadMoreRequest(a, s.di, s.seq()) }

// Data gives what the frames brought so far, without identifiers and SEQ.
func (s *Assembly) Data() []byte { return s.data }
