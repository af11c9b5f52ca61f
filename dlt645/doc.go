// Package dlt645 is the codec of DL/T 645-2007 and -1997, the protocol that
// Chinese electricity meters speak on RS-485: frames, addresses, control
// codes, data identifiers and exact decimal values.
//
// A frame on the wire (clause 5.2 of the 2007 text):
//
//	[FE x n] 68 A0 A1 A2 A3 A4 A5 68 C L DATA(L bytes, each +33H) CS 16
//	  offset  0  1              6  7  8 9 10 ...             10+L 11+L
//
// FE bytes wake the receiver and belong to no frame. The address goes low
// byte first. CS is the sum modulo 256 of all bytes from the first 68 to the
// byte before CS. Every byte of DATA carries an offset of 33H, which this
// package adds and removes and no other package knows of. Within DATA, what
// has several bytes goes low byte first.
//
// What one needs first:
//
//	ParseAddress, ParseDI                         from what people write
//	ReadRequest, ReadMoreRequest, WriteRequest    frames to send, Frame.AppendBinary
//	Scan, Pending, Diagnose                       frames in what came, and why there is none
//	Frame.Answers, Frame.Refusal, Frame.Payload   of an answer
//	Assembly                                      answers of several frames
//	Decode, Item, Value, Decimal                  what an answer says
//	English, Chinese                              how the standard calls it: Language.Name, NameOf, Meaning
//	Name, NameOf, Text, Unit                      the same in both languages, and the unit
//	AppendParsed                                  values to write
//	Refusal, LengthError, FrameError              for errors.As
//	ErrUnknown, ErrSequence, ErrSettings          for errors.Is
//	FindOther                                     frames of other protocols
//
// The package is pure: it does no I/O, reads no clock and starts no
// goroutine. The exchange on a line, with its time-outs, is package meter.
//
// The text of the standard is not public. Tables and layouts follow what
// independent implementations and captured frames agree on; clause numbers
// are those that such sources quote.
package dlt645
