package dlt645

import (
	"testing"

	"pgregory.net/rapid"
)

// TestMissing: with every beginning of a frame, noise before it or not, as many
// bytes must come as are missing at least, and exactly as many once its head is
// there.
func TestMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		noise := rapid.SliceOfN(rapid.ByteRange(0, 0x67), 0, 20).Draw(t, "noise")
		data := rapid.SliceOfN(rapid.Byte(), 0, MaxData).Draw(t, "data")
		frame, err := Frame{Address: Address{1, 2, 3, 4, 5, 6}, Control: 0x91, Data: data}.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, len(frame)-1).Draw(t, "of it")
		b := append(noise, frame[:n]...)
		left := len(frame) - n
		switch got := Missing(b); {
		case n >= headerLen && got != left:
			t.Errorf("%d of %d bytes are there, %d are missing", n, len(frame), got)
		case got < 1 || got > left:
			t.Errorf("%d of %d bytes are there, at least %d are missing", n, len(frame), got)
		}
	})
}
