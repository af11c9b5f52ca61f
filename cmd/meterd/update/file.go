package update

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"meterd/board"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// An update file is lines of text, and then the image as it is:
//
//	meterd update 1
//	untrusted comment: …
//	…                       the signature of the image
//	trusted comment: meterd-update kind:program board:armv7 version:1.4.0 floor:1.2.0 size:9765026 sha256:…
//	…                       the signature of the line above
//
//	image, size bytes
//
// Lines 2 to 5 are what minisign writes beside a file. The trusted comment ends
// in " older:yes" where the signer means it for boards whose floor is above it.
// It is checked before a byte of the image is read: what comes after it is
// bounded by its size.

// Ending is how the name of an update file ends.
const Ending = ".update"

// Name is how the file of an image is called.
func Name(in Image) string { return "meterd-" + in.Version + "-" + in.Board + Ending }

const (
	magic    = "meterd update 1\n"
	mostHead = 2 << 10
	sealed   = 4 // lines of the signature

	// MostImage bounds an image in bytes.
	MostImage = 512 << 20
	mostBoard = 32
)

// Facts are what the signer says of an image.
type Facts struct {
	Image
	// Floor is the earliest version that a board takes from then on; Older has
	// one with a later floor take this, and come down to it.
	Floor string
	Older bool
}

// Comment writes the facts as the trusted comment of their signature.
func (f Facts) Comment() string {
	s := fmt.Sprintf("meterd-update kind:%s board:%s version:%s floor:%s size:%d sha256:%s", f.Kind, f.Board, f.Version, f.Floor, f.Size, f.Hash)
	if f.Older {
		s += " older:yes"
	}
	return s
}

// ParseComment reads the facts. What parses is written so again.
func ParseComment(s string) (f Facts, err error) {
	wrong := errors.New("update: the trusted comment is not that of an update")
	words := strings.Split(s, " ")
	if len(words) < 7 || words[0] != "meterd-update" {
		return Facts{}, wrong
	}
	value := func(i int, name string) string {
		v, ok := strings.CutPrefix(words[i], name+":")
		if !ok {
			err = wrong
		}
		return v
	}
	f.Kind, f.Board, f.Version, f.Floor = Kind(value(1, "kind")), value(2, "board"), value(3, "version"), value(4, "floor")
	size, sum := value(5, "size"), value(6, "sha256")
	f.Older = len(words) > 7
	if err != nil {
		return Facts{}, err
	}
	if f.Size, err = strconv.ParseInt(size, 10, 64); err != nil {
		return Facts{}, wrong
	}
	if err := f.Hash.UnmarshalText([]byte(sum)); err != nil {
		return Facts{}, wrong
	}
	if err := f.check(); err != nil {
		return Facts{}, err
	}
	if f.Comment() != s {
		return Facts{}, wrong
	}
	return f, nil
}

// check tells what no update may say.
func (f Facts) check() error {
	switch {
	case f.Kind != Program && f.Kind != Card:
		return fmt.Errorf("update: kind %q is neither %s nor %s", f.Kind, Program, Card)
	case !plainWord(f.Board, mostBoard):
		return fmt.Errorf("update: board %q is no word of at most %d letters, digits and .-_+~", f.Board, mostBoard)
	case !plainWord(f.Version, mostVersion):
		return fmt.Errorf("update: version %q is no word of at most %d letters, digits and .-_+~", f.Version, mostVersion)
	case !plainWord(f.Floor, mostVersion):
		return fmt.Errorf("update: floor %q is no word of at most %d letters, digits and .-_+~", f.Floor, mostVersion)
	case compareVersions(f.Floor, f.Version) > 0:
		return fmt.Errorf("update: the floor %s is later than the version %s", f.Floor, f.Version)
	case f.Size < 1 || f.Size > MostImage:
		return fmt.Errorf("update: an image has 1 to %d bytes, not %d", MostImage, f.Size)
	case f.Hash == Hash{}:
		return errors.New("update: it has no hash")
	}
	return nil
}

// Head gives what stands before the image: facts that pass are signed in
// signature, the text that minisign gives.
func Head(f Facts, signature []byte) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	head := append([]byte(magic), bytes.TrimSuffix(signature, []byte("\n"))...)
	head = append(head, '\n', '\n')
	if n := bytes.Count(head, []byte("\n")); n != 2+sealed || len(head) > mostHead {
		return nil, fmt.Errorf("update: a head of %d lines and %d bytes", n, len(head))
	}
	return head, nil
}

// File is an update file of which the head was read, and found to be signed.
type File struct {
	Facts
	seal *board.Seal
	rest io.Reader
}

// Open reads the head of an update file and checks its signature by key.
func Open(r io.Reader, key string) (*File, error) {
	in := bufio.NewReaderSize(r, mostHead)
	line := func(of string) (string, error) {
		s, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return "", noUpdate
		case errors.Is(err, io.EOF):
			return "", cut
		case err != nil:
			return "", fmt.Errorf("update: %s: %w", of, err)
		}
		return string(s), nil
	}
	first := make([]byte, len(magic))
	switch _, err := io.ReadFull(in, first); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, noUpdate
	case err != nil:
		return nil, fmt.Errorf("update: %w", err)
	case string(first) != magic:
		return nil, noUpdate
	}
	var signature strings.Builder
	for range sealed {
		s, err := line("signature")
		if err != nil {
			return nil, err
		}
		signature.WriteString(s)
	}
	if s, err := line("head"); err != nil {
		return nil, err
	} else if s != "\n" {
		return nil, noUpdate
	}
	seal, comment, err := board.OpenSeal(key, []byte(signature.String()))
	if err != nil {
		if errors.Is(err, board.ErrSignature) {
			return nil, console.Tell(wrongKey, signAgain, err)
		}
		return nil, noUpdate
	}
	facts, err := ParseComment(comment)
	if err != nil {
		return nil, console.Tell(notUnderstood, dlt645.Text{}, err)
	}
	return &File{Facts: facts, seal: seal, rest: in}, nil
}

// Payload gives the image. It ends with io.EOF only where size, hash and
// signature are right and nothing follows; a file that was cut, or is longer,
// ends with what is wrong.
func (f *File) Payload() io.Reader {
	limited, whole := f.seal.Reader(io.LimitReader(f.rest, f.Size))
	return &payload{f: f, from: limited, whole: whole, sum: sha256.New()}
}

type payload struct {
	f     *File
	from  io.Reader
	whole func() bool
	sum   hash.Hash
	n     int64
	end   error // that was found
}

func (p *payload) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.from.Read(b)
	p.sum.Write(b[:n])
	p.n += int64(n)
	if err != nil {
		p.end = p.judge(err)
		err = p.end
	}
	return n, err
}

// judge tells what the end of an image is.
func (p *payload) judge(err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("update: %w", err)
	case p.n < p.f.Size:
		return cut
	case !bytes.Equal(p.sum.Sum(nil), p.f.Hash[:]) || !p.whole():
		return damaged
	}
	var one [1]byte
	switch n, err := io.ReadFull(p.f.rest, one[:]); {
	case n > 0:
		return tooLong
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("update: %w", err)
	}
	return io.EOF
}

// What is wrong with a file.
var (
	noUpdate      = console.Tell(dlt645.Text{EN: "it is no update file of meterd", ZH: "不是 meterd 的升级文件"}, dlt645.Text{EN: "copy the file as it was given to you, without unpacking or renaming another one", ZH: "请原样拷贝收到的文件，不要解压，也不要用其他文件改名"})
	cut           = console.Tell(dlt645.Text{EN: "the update file ends too early: it was not copied whole", ZH: "升级文件不完整：没有拷贝完"}, copyAgain)
	damaged       = console.Tell(dlt645.Text{EN: "the update file is damaged: its image is not the one that was signed", ZH: "升级文件已损坏：其内容与签名不符"}, copyAgain)
	tooLong       = console.Tell(dlt645.Text{EN: "the update file goes on after its end", ZH: "升级文件末尾有多余内容"}, copyAgain)
	copyAgain     = dlt645.Text{EN: "copy it again, and eject the stick before it is pulled", ZH: "请重新拷贝，并在拔出前安全弹出 U 盘"}
	wrongKey      = dlt645.Text{EN: "the update file is not signed by this board's key: %v", ZH: "升级文件不是用本板的密钥签名的：%v"}
	signAgain     = dlt645.Text{EN: "ask for the file that is signed for this board; its key is update.public_key, else usb.public_key", ZH: "请索取为本板签名的文件；密钥为 update.public_key，未设置时为 usb.public_key"}
	notUnderstood = dlt645.Text{EN: "what the update file says of itself is not understood: %v", ZH: "无法识别升级文件的说明：%v"}
)
