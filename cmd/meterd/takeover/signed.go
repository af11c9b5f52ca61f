package takeover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// Verify checks the signature of a text by the key of the configuration that
// runs, and that it was made for this board. It gives what else the signer
// says: nil if nothing.
func Verify(runs *config.Config, text string, signature []byte) (*config.Signed, error) {
	comment, err := board.Verify(runs.USB.PublicKey, []byte(text), signature)
	if err != nil {
		return nil, err
	}
	s, err := config.ParseSigned(comment)
	switch {
	case err != nil:
		return nil, console.Tell(dlt645.Text{EN: "the trusted comment of the signature is not understood: %v", ZH: "无法识别签名的可信注释：%v"}, howToSign(runs), err)
	case s == nil && runs.USB.SignedFor:
		return nil, console.Tell(dlt645.Text{EN: `usb.signed_for is "board", and the trusted comment of the signature names neither gateway nor date`, ZH: `usb.signed_for 为 "board"，但签名的可信注释未注明网关和日期`}, howToSign(runs))
	case s != nil && s.Gateway != config.AnyGateway && s.Gateway != runs.Gateway.ID:
		return nil, console.Tell(dlt645.Text{EN: "it is signed for gateway %q, and this is %q", ZH: "签名指定的网关为 %q，本机为 %q"}, howToSign(runs), s.Gateway, runs.Gateway.ID)
	}
	return s, nil
}

// howToSign gives the command line that signs for this board.
func howToSign(runs *config.Config) dlt645.Text {
	command := fmt.Sprintf(`minisign -Sm meterd.toml -t "gateway:%s date:$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)"`, runs.Gateway.ID)
	return dlt645.Text{EN: "sign it with " + command, ZH: "签名命令：" + command}
}

// notOlder sees that what is signed is not older than what runs.
func (f *Files) notOlder(s *config.Signed, running string) error {
	if s == nil {
		return nil
	}
	if last := f.Signed(running); s.Date.Before(last) {
		return console.Tell(dlt645.Text{EN: "it was signed on %s, and what runs on %s: it is older", ZH: "签名日期 %s 早于当前运行配置的 %s"},
			dlt645.Text{EN: "if it is meant, sign it anew with a later date", ZH: "如确需使用，请以更晚的日期重新签名"}, s.Date.Format(time.RFC3339), last.Format(time.RFC3339))
	}
	return nil
}

// signedNote is a line of meterd.toml.signed: by which date a configuration
// was signed.
type signedNote struct {
	Hash string    `json:"sha256"`
	Date time.Time `json:"date"`
}

// mostSignedNotes bounds that file in bytes.
const mostSignedNotes = 4 << 10

// notes reads it.
func (f *Files) notes() (all []signedNote, err error) {
	b, err := board.ReadFile(f.signed(), mostSignedNotes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	return all, err
}

// Signed gives the date by which a configuration counts as signed, the zero
// time if nobody has told any. A text that did not come through here, such as
// one that was changed on the board, counts as the newest that did.
func (f *Files) Signed(text string) (date time.Time) {
	all, _ := f.notes() // what cannot be read was told at the start
	hash := HashOf(text)
	for _, n := range all {
		if n.Hash == hash {
			return n.Date
		}
		if n.Date.After(date) {
			date = n.Date
		}
	}
	return date
}

// noteSigned notes the date of a text that takes the place of running. One
// without a date inherits that of what runs: it is no way to have an older one
// taken afterwards.
func (f *Files) noteSigned(text, running string, s *config.Signed) error {
	date := f.Signed(running)
	if s != nil {
		date = s.Date
	}
	all, err := f.notes()
	if date.IsZero() && len(all) == 0 && err == nil {
		return nil
	}
	next := []signedNote{{HashOf(text), date}}
	if running != text {
		next = append(next, signedNote{HashOf(running), f.Signed(running)})
	}
	prev, _ := os.ReadFile(f.prev()) // where there is none nothing goes back to it
	for _, n := range all {
		if n.Hash == HashOf(string(prev)) && n.Hash != next[0].Hash && n.Hash != HashOf(running) {
			next = append(next, n)
		}
	}
	b, err := json.Marshal(next)
	if err == nil {
		err = f.write(f.signed(), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("the date of the signature cannot be kept: %w", err)
	}
	return nil
}
