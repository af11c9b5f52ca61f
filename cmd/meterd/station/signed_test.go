package station

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"aead.dev/minisign"
)

// signing makes a key, and what signs by it.
func signing(t *testing.T) (usb string, sign func(text, comment string) string) {
	t.Helper()
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(string(text), "\n")
	return fmt.Sprintf("[usb]\npublic_key = %q\n", strings.TrimSpace(key)), func(text, comment string) string {
		return string(minisign.SignWithComments(private, []byte(text), comment, ""))
	}
}

// TestSignedSticks: one after the other they are brought to one board, which
// obeys what their signer says, in the words of its language.
func TestSignedSticks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		usb, sign := signing(t)
		st, ran, text := newStickStation(t, usb)
		bring := func(comment, language, more string) string {
			t.Helper()
			s := &plainStick{dir: t.TempDir()}
			st.onDuty().config.Gateway.Language = language
			text := text + usb + more
			s.put(t, stickConfig, text)
			s.put(t, stickSignature, sign(text, comment))
			pull := plug(t, st, s, true)
			prove(t, st, true)
			defer pull()
			return s.report(t)
		}
		wants(t, bring("gateway:other date:2026-11-20T12:00:00Z", "en", ""), "REFUSED", `it is signed for gateway "other", and this is "good"`, `hint: sign it with minisign -Sm meterd.toml -t "gateway:good date:$(date -u`)
		wants(t, bring("gateway:other date:2026-11-20T12:00:00Z", "zh", ""), "已拒绝", "签名指定的网关为 \"other\"", "签名命令")
		wants(t, bring("gateway:good date:2026-11-20T12:00:00Z", "en", ""), "TAKEN OVER")
		wants(t, bring("gateway:stick date:2026-11-19T12:00:00Z", "en", "# 2"), "REFUSED", "it was signed on 2026-11-19T12:00:00Z, and what runs on 2026-11-20T12:00:00Z: it is older", "hint: if it is meant")
		wants(t, bring("timestamp:1633700835\tfile:meterd.toml\thashed", "en", "# 3"), "TAKEN OVER")
		wants(t, bring("gateway:* date:2026-11-19T12:00:00Z", "zh", "# 4"), "已拒绝", "早于当前运行配置的", "请以更晚的日期重新签名")
		wants(t, bring("gateway:* date:2026-11-21T12:00:00Z", "en", "signed_for = \"board\"\n"), "TAKEN OVER")
		wants(t, bring("timestamp:1633700835\tfile:meterd.toml\thashed", "en", "# 6"), "REFUSED", "names neither gateway nor date")
		if got := ran(); len(got) != 4 {
			t.Errorf("ran %v", got)
		}
		if b, err := os.ReadFile(st.Files.Path + ".signed"); err != nil || !strings.Contains(string(b), "2026-11-21T12:00:00Z") {
			t.Errorf("kept is %s, %v", b, err)
		}
	})
}
