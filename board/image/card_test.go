package image

import (
	"bytes"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
)

// card makes a card as large as somebody may have bought, with a
// configuration.
func card(t *testing.T, config string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "card") // short, since socket names have a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	flash := filepath.Join(dir, "flash.img")
	copyFile(t, filepath.Join(parts(t), "meterd-1.0.0-qemu.img"), flash)
	file := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	editData(t, flash, "write "+file+" meterd.toml")
	if err := os.Truncate(flash, 240<<20); err != nil {
		t.Fatal(err)
	}
	return dir
}

// editData changes the data partition of a card by requests of debugfs.
func editData(t *testing.T, flash string, requests ...string) {
	t.Helper()
	data := dataOf(t, flash)
	for _, r := range requests {
		tool(t, "debugfs", "-w", "-R", r, data)
	}
	tool(t, "dd", "if="+data, "of="+flash, "bs=1M", "seek=144", "conv=notrunc", "status=none")
}

// insert starts the machine from a card, by U-Boot. The slot file is its
// second disk.
func insert(t *testing.T, dir string) *machine {
	t.Helper()
	return start(t, dir, []string{
		"-bios", filepath.Join(parts(t), "debian/root/usr/lib/u-boot/qemu_arm/u-boot.bin"),
		"-drive", "if=none,id=slot,format=raw,readonly=on,file=" + filepath.Join(parts(t), "meterd-1.0.0-qemu.slot"),
		"-device", "virtio-blk-pci,drive=slot",
	})
}

// chosen waits until U-Boot has started a slot's kernel, and tells which.
func (m *machine) chosen() string {
	m.t.Helper()
	p := regexp.MustCompile(`(?s)meterd: slot ([ab])\r?\n(?:.*Starting kernel)`)
	var found []string
	m.wait("U-Boot chooses a slot", func() bool { found = p.FindStringSubmatch(m.uart.from(0)); return found != nil })
	return found[1]
}

// slots is what the card says of itself.
type slots struct {
	Running, Other struct {
		Version string
		Hash    string `json:"sha256"`
	}
	Trial        bool
	Starts, Fell int
}

func (m *machine) slots() (st slots) {
	m.t.Helper()
	out := m.do("slots state")
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
	return st
}

// runs wants that the slot is what the machine runs.
func (m *machine) runs(slot string) {
	m.t.Helper()
	if got := m.chosen(); got != slot {
		m.t.Fatalf("U-Boot starts slot %s, want %s", got, slot)
	}
	m.ready()
	if cmdline := m.do("cat /proc/cmdline"); !strings.Contains(cmdline, "meterd.slot="+slot) {
		m.t.Fatalf("the kernel was started with %s", cmdline)
	}
}

// TestCard boots the card by its U-Boot: slot A runs, the data partition takes
// the whole card, the other slot is written and tried, falls back when it
// never proves itself, and stays when it does.
func TestCard(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 2)
	dir := card(t, s.config("en"))

	t.Log("the first boot")
	m := insert(t, dir)
	s.wire(m)
	m.runs("a")
	m.wait("data of the size of the card", func() bool {
		return strings.TrimSpace(m.do("df -k /data | awk 'NR==2 && $2>85000 {print 1}'")) == "1"
	})
	if out, status := m.try("touch /etc/x"); status == "0" {
		t.Errorf("the root can be written to: %s", out)
	}
	m.wait("values at the platform", func() bool { return s.stored() > 0 })
	st := m.slots()
	if st.Running.Version != "1.0.0" || st.Other.Version != "1.0.0" || st.Trial || st.Fell != 0 {
		t.Errorf("a new card says %+v", st)
	}

	t.Log("another network")
	m.do("printf '[network]\naddress = \"10.0.2.77/24\"\ngateway = \"10.0.2.2\"\ndns = [\"10.0.2.3\"]\nhost_name = \"card-1\"\n' >>/data/meterd.toml && meterd exec config reload")
	m.wait("the address that is given", func() bool {
		out, code := m.try("ip addr show dev eth0 && hostname && cat /etc/resolv.conf")
		return code == "0" && strings.Contains(out, "10.0.2.77/24") && !strings.Contains(out, "10.0.2.15/24") && strings.Contains(out, "card-1") && strings.Contains(out, "10.0.2.3")
	})
	s.goesOn(m, 2)
	if out := m.do("meterd exec status"); !strings.Contains(out, "network eth0  fixed  10.0.2.77/24") {
		t.Errorf("status tells no network:\n%s", out)
	}

	t.Log("an update that never proves itself")
	m.do("slots write /dev/vdb bad && slots try")
	m.end()
	// Meanwhile the data are damaged, as a card may do it.
	editData(t, filepath.Join(dir, "flash.img"), "clri lost+found", "ssv free_blocks_count 3", "ssv state 2") // and the kernel has met it
	for range 3 {
		m = insert(t, dir)
		if got := m.chosen(); got != "b" {
			t.Fatalf("U-Boot starts slot %s, want the one on trial", got)
		}
		m.cut()
	}
	m = insert(t, dir)
	s.wire(m)
	m.runs("a")
	if st := m.slots(); st.Fell != 1 || st.Trial || st.Other.Version != "bad" {
		t.Errorf("after three starts: %+v", st)
	}
	if out := m.do("cat /run/fsck; mount | grep ' /data '"); !strings.Contains(out, "lost+found not found.  CREATED.") || !strings.Contains(out, "/dev/vda4 on /data type ext4") {
		t.Errorf("the data were damaged, and e2fsck says\n%s", out)
	}
	m.wait("values after the fall", func() bool { now := m.status(); return now != nil && now.anyOnline() })
	if out := m.do("cat /proc/cmdline; meterd exec version update"); strings.Contains(out, "meterd.trial") || !strings.Contains(out, "(qemu)") {
		t.Errorf("after three starts it tells %s", out)
	}

	t.Log("an update that does")
	m.do("slots write /dev/vdb good && slots try")
	m.end()
	m = insert(t, dir)
	s.wire(m)
	m.runs("b")
	if st := m.slots(); !st.Trial || st.Starts != 1 || st.Running.Version != "good" || st.Other.Version != "1.0.0" {
		t.Errorf("on trial: %+v", st)
	}
	if cmdline := m.do("cat /proc/cmdline"); !strings.Contains(cmdline, "meterd.trial") {
		t.Errorf("the kernel on trial was started with %s", cmdline)
	}
	m.wait("values on trial", func() bool { now := m.status(); return now != nil && now.anyOnline() })
	m.do("slots confirm && sync")
	m.cut()
	m = insert(t, dir)
	if got := m.chosen(); got != "b" {
		t.Errorf("U-Boot starts slot %s, want the one that proved itself", got)
	}
	m.cut()

	t.Log("data that nothing mends are not made anew")
	flash := filepath.Join(dir, "flash.img")
	tool(t, "dd", "if=/dev/zero", "of="+flash, "bs=1M", "seek=144", "count=96", "conv=notrunc", "status=none")
	m = insert(t, dir)
	m.runs("b")
	m.wait("the daemon says so", func() bool {
		out, _ := m.try("meterd exec status")
		return strings.Contains(out, "card: its data partition cannot be mounted")
	})
	m.cut()
	if data, err := os.ReadFile(dataOf(t, flash)); err != nil || len(bytes.Trim(data, "\x00")) > 0 {
		t.Errorf("something was written to data that could not be mounted (%v)", err)
	}
	s.checkPlatform()
}

// TestCardPowerCuts takes the power away at random moments of updates that come
// on a stick: while one is written, while the board starts anew, while it is on
// trial, while it is confirmed. Each time a slot starts that is whole and whose
// program reads its meters and delivers, and what was durable is there.
// METERD_CARD_CUTS is how often (1), METERD_SEED repeats a run's moments.
func TestCardPowerCuts(t *testing.T) {
	from := parts(t)
	t.Parallel()
	s := newSite(t, 2)
	public, private, err := minisign.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The ring has room for all that is read meanwhile.
	dir := card(t, strings.Replace(s.configOf(2, "en", public.String()), `"4MiB"`, `"48MiB"`, 1))
	flash, other := filepath.Join(dir, "flash.img"), filepath.Join(dir, "other.img")
	programs := newProgram(t, dir, private)
	seed := uint64(number(t, "METERD_SEED", int(time.Now().UnixNano()%1e6)))
	cuts := number(t, "METERD_CARD_CUTS", 1)
	t.Logf("%d cuts, METERD_SEED=%d", cuts, seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	l := &ledger{t: t, binary: filepath.Join(from, "meterd"), known: map[uint64]string{}}
	came, considered, updating := map[string]int{}, 0, 0
	for n := range cuts {
		before := slotsOf(t, flash)
		m := insert(t, dir)
		s.wire(m)
		var witnessed uint64
		if n > 0 && rng.IntN(5) == 0 { // while it starts
			time.Sleep(time.Duration(rng.Int64N(int64(20 * time.Second))))
			m.cut()
		} else {
			witnessed = m.works(l.newest)
			m.plug(m.program(programs, n))
			witnessed = max(witnessed, m.cutWithin(time.Duration(rng.Int64N(int64(75*time.Second)))))
		}
		all := writes(t, dir)
		lost := loseCache(t, dir, flash, all, rng)
		l.account(dataOf(t, flash), n, witnessed)
		if !bytes.Equal(before, slotsOf(t, flash)) {
			updating++
		}
		slot := starts(t, flash)
		came[slot]++
		t.Logf("cut %d: %d writes lost, then starts %s", n, lost, slot)
		// The same, cut at other moments.
		for range 5 {
			at := rng.IntN(len(all) + 1)
			loseCache(t, dir, other, all[:at], rng)
			l.consider(dataOf(t, other), n, at)
			came[starts(t, other)]++
			considered++
		}
	}
	m := insert(t, dir)
	s.wire(m)
	m.works(l.newest)
	s.line.Unplug(true)
	witnessed := m.delivered()
	m.end()
	l.account(dataOf(t, flash), cuts, witnessed)
	s.checkPlatform()
	s.checkDelivered(l.records)
	if updating < cuts/3 {
		t.Errorf("at %d of %d cuts only had an update begun, or gone on", updating, cuts)
	}
	t.Logf("%d cuts, at %d of which an update had begun or gone on, and %d more of the same at other moments; %d records; what starts then: %v", cuts, updating, considered, len(l.known), came)
}

// works waits until the program reads and delivers, and gives the newest number
// that is durable.
func (m *machine) works(after uint64) (durable uint64) {
	m.t.Helper()
	m.ready()
	m.wait("a program that works", func() bool {
		now := m.status()
		if now == nil || !now.anyOnline() || !now.Uplinks[0].Connected {
			return false
		}
		durable = now.durable()
		return durable > after
	})
	return durable
}

// program is the image that is on the card, and the key that those which follow
// it are signed by.
type program struct {
	key   string
	image []byte
}

func newProgram(t *testing.T, dir string, private minisign.PrivateKey) program {
	t.Helper()
	p := program{key: filepath.Join(dir, "key")}
	text, err := private.MarshalText()
	if err == nil {
		err = os.WriteFile(p.key, text, 0o600)
	}
	if err == nil {
		p.image, err = os.ReadFile(filepath.Join(parts(t), "meterd-1.0.0-qemu.slot"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// next gives an image that the card has never had: one that was taken back is
// not taken again.
func (p program) next(n int) []byte {
	image := bytes.Clone(p.image)
	tail := image[len(image)-sectorSize:]
	copy(tail[bytes.IndexByte(tail, 0):], fmt.Sprintf("m_note=%d\n", n))
	binary.BigEndian.PutUint32(tail[sectorSize-4:], crc32.ChecksumIEEE(tail[:sectorSize-4]))
	return image
}

// program makes a stick with the next version.
func (m *machine) program(p program, n int) (stick string) {
	m.t.Helper()
	image := filepath.Join(m.dir, "next.slot")
	if err := os.WriteFile(image, p.next(n), 0o600); err != nil {
		m.t.Fatal(err)
	}
	tool(m.t, filepath.Join(parts(m.t), "sign"), "-key", p.key, "-kind", "card", "-board", "qemu", "-version", fmt.Sprintf("1.0.%d", n+1), "-floor", "1.0.0", "-o", m.dir, image)
	stick, update := filepath.Join(m.dir, "stick.img"), filepath.Join(m.dir, fmt.Sprintf("meterd-1.0.%d-qemu.update", n+1))
	os.Remove(stick)
	tool(m.t, "mkfs.vfat", "-C", stick, "32768")
	tool(m.t, "mcopy", "-i", stick, update, "::")
	os.Remove(update)
	return stick
}

// slotsOf gives all that a card says of its slots, and of their starts.
func slotsOf(t *testing.T, image string) []byte {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw := make([]byte, (0x1c01-0x1800)*sectorSize)
	if _, err := f.ReadAt(raw, 0x1800*sectorSize); err != nil {
		t.Fatal(err)
	}
	return raw
}

// starts does what U-Boot does with a card (card/boot.cmd), and tells what it
// starts, which has to be whole.
func starts(t *testing.T, image string) string {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := func(at int64) (raw []byte, text map[string]string) {
		raw = make([]byte, sectorSize)
		if _, err := f.ReadAt(raw, at*sectorSize); err != nil {
			t.Fatal(err)
		}
		text = map[string]string{}
		if crc32.ChecksumIEEE(raw[:508]) == binary.BigEndian.Uint32(raw[508:]) {
			for line := range strings.Lines(strings.TrimRight(string(raw[:508]), "\x00")) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				text[key] = value
			}
		}
		return raw, text
	}
	var newest int64
	var state map[string]string
	var counts []byte
	for _, at := range []int64{0x1800, 0x1c00} {
		raw, text := read(at)
		if seq, err := strconv.ParseInt(text["m_seq"], 16, 64); err == nil && seq > newest {
			newest, state, counts = seq, text, raw
		}
	}
	if newest == 0 {
		t.Errorf("%s: no state is good", image)
		return "?"
	}
	slot, how := state["m_slot"], "a slot that was confirmed"
	if trial := state["m_trial"]; trial != "" {
		how = "a slot whose three starts on trial are spent"
		for at := int64(0x1a00); at < 0x1a03; at++ {
			if raw, _ := read(at); !bytes.Equal(raw, counts) {
				slot, how = trial, "a slot on trial"
				break
			}
		}
	}
	_, holds := read(map[string]int64{"a": 0x1900, "b": 0x1b00}[slot])
	size, err := strconv.ParseInt(holds["m_size"], 10, 64)
	if err != nil {
		t.Errorf("%s: slot %s is to start, and does not say what it holds", image, slot)
		return "?"
	}
	sum := sha256.New()
	start := map[string]int64{"a": 16 << 20, "b": 80 << 20}[slot]
	if _, err := io.Copy(sum, io.NewSectionReader(f, start, size)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != holds["m_sha256"] {
		t.Errorf("%s: slot %s is to start, and is not whole", image, slot)
	}
	return how
}

// dataOf takes the data partition out of a card.
func dataOf(t *testing.T, flash string) string {
	t.Helper()
	data := flash + ".data"
	os.Remove(data)
	tool(t, "dd", "if="+flash, "of="+data, "bs=1M", "skip=144", "conv=sparse", "status=none")
	return data
}

// TestCardIsReproducible makes a card once more, and wants the same bytes.
func TestCardIsReproducible(t *testing.T) {
	from, again := parts(t), t.TempDir()
	t.Parallel()
	makeCard(t, "qemu", "1.0.0", again, "HAND=ttyS1", "SLOTS="+filepath.Join(from, "slots"))
	for _, kind := range []string{"img", "slot"} {
		a, err := os.ReadFile(filepath.Join(from, "meterd-1.0.0-qemu."+kind))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, "meterd-1.0.0-qemu."+kind))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("the %s is not the same when it is made again (%v)", kind, err)
		}
	}
}

// makeCard makes a card and its slot, as make sdcard does.
func makeCard(t *testing.T, board, version, to string, env ...string) {
	t.Helper()
	from := parts(t)
	cmd := exec.Command("./sdcard", filepath.Join(from, "debian"), filepath.Dir(from), board, version, to)
	cmd.Env = append(os.Environ(), append(env, "TZ=Asia/Shanghai")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sdcard %s: %v: %s", board, err, out)
	}
}

// TestCardOfABoard looks into the card for a common board, which is not tried
// on the board itself: partitions, boot loader where the ROM looks, boot script,
// kernel and device trees.
func TestCardOfABoard(t *testing.T) {
	from, dir := parts(t), t.TempDir()
	t.Parallel()
	makeCard(t, "beaglebone", "1.2.3", dir)
	img, err := os.ReadFile(filepath.Join(dir, "meterd-1.2.3-beaglebone.img"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		kind        byte
		active      bool
		start, size int
	}{{0x0e, true, 4, 12}, {0x83, false, 16, 64}, {0x83, false, 80, 64}, {0x83, false, 144, 32}} {
		e := img[446+16*i:]
		start, size := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		if e[4] != want.kind || (e[0] == 0x80) != want.active || int(start) != want.start<<11 || int(size) != want.size<<11 {
			t.Errorf("partition %d is % x, want %+v (MiB)", i+1, e[:16], want)
		}
	}
	debian := filepath.Join(from, "debian/root/usr/lib")
	for file, at := range map[string]int{"MLO": 128 << 10, "u-boot.img": 384 << 10} { // AM335x: raw, at 128 KiB; README.Debian of u-boot-omap
		b, err := os.ReadFile(filepath.Join(debian, "u-boot/am335x_evm", file))
		if err != nil {
			t.Fatal(err)
		}
		if at+len(b) > 3<<20 || !bytes.Equal(img[at:at+len(b)], b) {
			t.Errorf("%s is not at %d", file, at)
		}
	}

	boot := filepath.Join(dir, "boot")
	if err := os.WriteFile(boot, img[4<<20:16<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	script := tool(t, "mtype", "-i", boot, "::boot.scr")
	if !strings.Contains(script, "bootm ${kernel_addr_r}#${fdtfile}") || strings.Contains(script, "@") {
		t.Errorf("the boot script is\n%s", script)
	}

	slot, err := os.ReadFile(filepath.Join(dir, "meterd-1.2.3-beaglebone.slot"))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := img[16<<20:], img[80<<20:]; !bytes.Equal(a[:len(slot)], slot) || !bytes.Equal(b[:len(slot)], slot) {
		t.Error("the slots do not hold what an update brings")
	}
	var fit, size int
	if _, err := fmt.Sscanf(string(slot[len(slot)-512:]), "m_fit=%x\nm_boot=%x", &fit, &size); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "fit")
	if err := os.WriteFile(image, slot[fit*512:(fit+size)*512], 0o600); err != nil {
		t.Fatal(err)
	}
	about := tool(t, "mkimage", "-l", image)
	uboot, err := os.ReadFile(filepath.Join(debian, "u-boot/am335x_evm/u-boot.img"))
	if err != nil {
		t.Fatal(err)
	}
	for _, board := range []string{"bone", "boneblack", "boneblack-wireless", "bonegreen", "bonegreen-wireless", "pocketbeagle"} {
		tree := "am335x-" + board + ".dtb"
		if !bytes.Contains(uboot, []byte("setenv fdtfile "+tree+";")) {
			t.Errorf("U-Boot knows no %s", tree)
		}
		found := regexp.MustCompile(`(?s)Image (\d+) \(` + regexp.QuoteMeta(tree) + `\)`).FindStringSubmatch(about)
		if found == nil || !strings.Contains(about, "("+tree+")\n  Description:  unavailable\n  Kernel:       kernel\n  Init Ramdisk: start\n  FDT:          "+tree) {
			t.Errorf("the image has no %s:\n%s", tree, about)
			continue
		}
		out := filepath.Join(dir, tree)
		tool(t, "dumpimage", "-T", "flat_dt", "-p", found[1], "-o", out, image)
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := filepath.Glob(filepath.Join(debian, "linux-image-*", tree))
		if err != nil || len(ours) != 1 {
			t.Fatalf("the kernel has %v as %s (%v)", ours, tree, err)
		}
		want, err := os.ReadFile(ours[0])
		if err != nil || !bytes.Equal(got, want) || !bytes.Contains(got, []byte("\x00ti,am33xx\x00")) {
			t.Errorf("%s is not the kernel's for an AM335x (%v)", tree, err)
		}
	}
	list := tool(t, "unsquashfs", "-ll", filepath.Join(dir, "meterd-1.2.3-beaglebone.slot"))
	for _, file := range []string{"/usr/bin/meterd", "/bin/busybox", "/sbin/init -> ../bin/busybox", "/drivers/mmc/host/sdhci-omap.ko", "/net/ethernet/ti/ti_cpsw.ko", "/watchdog/omap_wdt.ko", "/etc/resolv.conf -> ../run/resolv.conf"} {
		if !strings.Contains(list, file+"\n") {
			t.Errorf("the root has no %s", file)
		}
	}
	for _, file := range []string{"/etc/init.d/hand", "/usr/bin/slots"} {
		if strings.Contains(list, file) {
			t.Errorf("what is flashed has %s", file)
		}
	}
}
