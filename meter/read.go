package meter

import (
	"context"
	"fmt"
	"time"

	"meterd/dlt645"
)

// Reply is what a meter answered to a read.
type Reply struct {
	Address dlt645.Address // that answered
	Data    []byte         // after the identifier, follow-up frames put together
	At      time.Time      // when the first frame was complete
	Took    time.Duration  // of the first frame, see Answer
	Since   time.Duration  // likewise
}

// Read asks for one data identifier and puts follow-up frames together
// (clause 7.1.3). Silence and noise are retried as configured; a sequence
// error starts the whole read again. The data are not nil if the first frame
// was good and a later one failed.
func (b *Bus) Read(ctx context.Context, a dlt645.Address, di dlt645.DI) (Reply, error) {
	return b.ReadAs(ctx, b.Manner(), a, di)
}

// ReadAs is Read in a manner of its own.
func (b *Bus) ReadAs(ctx context.Context, how Manner, a dlt645.Address, di dlt645.DI) (Reply, error) {
	for try := 0; ; try++ {
		r, err := b.readOnce(ctx, how, a, di)
		if !isLost(err) || try >= max(how.Retries, min(1, len(r.Data))) {
			return r, err
		}
		b.countRetry()
	}
}

// readOnce sends the request once; follow-up frames are asked for as often
// as the manner says. It gives the data so far with the error when one of
// them fails.
func (b *Bus) readOnce(ctx context.Context, how Manner, a dlt645.Address, di dlt645.DI) (Reply, error) {
	ans, err := b.TryAs(ctx, how, dlt645.ReadRequest(a, di))
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Address: ans.Frame.Address, At: ans.At, Took: ans.Took, Since: ans.Since}
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
		if len(r.Data) > mostOf(di) {
			return r, fmt.Errorf("%w: %d bytes of %s, and it says that there are more", ErrOverrun, len(r.Data), di)
		}
		if ans, err = b.again(ctx, how, whole.Next(r.Address)); err != nil {
			return r, err
		}
	}
}

// longestRecord is twice the longest of the tables.
const longestRecord = 2048

// mostOf bounds what an identifier can hold.
func mostOf(di dlt645.DI) int {
	if n := dlt645.MostWidth(di); n > 0 {
		return n
	}
	return longestRecord
}
