package board

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
)

// pin turns an RS-485 line: 1 drives it, 0 listens.
type pin interface {
	SetValue(int) error
	Close() error
}

// serialRS485 is struct serial_rs485 of linux/serial.h.
type serialRS485 struct {
	flags, delayBefore, delayAfter uint32
	padding                        [5]uint32
}

const (
	rs485Enabled   = 1 << 0
	rs485RTSOnSend = 1 << 1
)

// turnBy prepares what turns the line, before the port is used: nil where the
// hardware or the kernel does.
func turnBy(how string, port int) (pin, error) {
	switch {
	case how == "" || how == "auto":
		return nil, nil
	case how == "kernel":
		return nil, kernelRS485(port)
	}
	chip, line, err := ParseGPIO(strings.TrimPrefix(how, "gpio:"))
	if err != nil {
		return nil, err
	}
	l, err := gpiocdev.RequestLine(chip, line, gpiocdev.AsOutput(0), gpiocdev.WithConsumer("meterd"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", how, err)
	}
	return l, nil
}

func kernelRS485(port int) error {
	set := serialRS485{flags: rs485Enabled | rs485RTSOnSend}
	if _, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(port), unix.TIOCSRS485, uintptr(unsafe.Pointer(&set))); failed != 0 {
		return fmt.Errorf("its driver does not turn an RS-485 line (TIOCSRS485: %w)", failed)
	}
	return nil
}

// ParseGPIO reads "CHIP:LINE", such as "gpiochip0:17".
func ParseGPIO(s string) (chip string, line int, err error) {
	chip, number, ok := strings.Cut(s, ":")
	line, err = strconv.Atoi(number)
	if !ok || chip == "" || err != nil || line < 0 {
		return "", 0, fmt.Errorf("%q is no pin: write it as gpiochip0:17", s)
	}
	return chip, line, nil
}
