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
	r := Result{Address: ans.Frame.Address, At: ans.At, Took: ans.Took}
	var whole dlt645.Assembly
	for {
		more, err := whole.Add(ans.Frame)
		r.Data = whole.Data()
		if err != nil {
			return r, fmt.Errorf("%w: %w", ErrNoise, err)
		}
		if !more {
			return r, nil
		}
		if ans, err = b.Do(ctx, whole.Next(r.Address)); err != nil {
			return r, err
		}
	}
}
