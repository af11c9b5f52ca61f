package meter

import (
	"context"
	"fmt"
	"time"

	"meterd/dlt645"
)

// Result is what a meter answered to a read.
type Result struct {
	Address dlt645.Address // that answered
	Data    []byte         // behind the identifier, follow-up frames put together
	At      time.Time      // when the first frame was complete
	Took    time.Duration  // of the first frame, see Answer
}

// Read asks for one data identifier and puts follow-up frames together
// (clause 7.1.3: the first answer has no SEQ, then SEQ counts from 1, and 1
// follows 255). A sequence error starts the whole read again, once. The data
// are not nil if the first frame was good and a later one failed.
func (b *Bus) Read(ctx context.Context, a dlt645.Address, di dlt645.DI) (Result, error) {
	r, err := b.readOnce(ctx, a, di)
	if err != nil && r.Data != nil {
		r, err = b.readOnce(ctx, a, di)
	}
	return r, err
}

// readOnce gives the data so far beside the error when a follow-up fails.
func (b *Bus) readOnce(ctx context.Context, a dlt645.Address, di dlt645.DI) (Result, error) {
	ans, err := b.Do(ctx, dlt645.ReadRequest(a, di))
	if err != nil {
		return Result{}, err
	}
	r := Result{Address: ans.Frame.Address, Data: ans.Frame.Payload(), At: ans.At, Took: ans.Took}
	for n, seq := 0, byte(1); ans.Frame.Control.More(); n, seq = n+1, max(seq+1, 1) {
		if n == mostFollowUp || n > 0 && len(ans.Frame.Payload()) == 0 {
			return r, fmt.Errorf("%w: follow-up frames of %s without end", ErrNoise, di)
		}
		if ans, err = b.Do(ctx, dlt645.ReadMoreRequest(r.Address, di, seq)); err != nil {
			return r, err
		}
		r.Data = append(r.Data, ans.Frame.Payload()...)
	}
	return r, nil
}

// mostFollowUp bounds the follow-up frames of one read. The longest record of
// the table has 682 bytes.
const mostFollowUp = 512
