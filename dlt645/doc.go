// Package dlt645 is the codec of DL/T 645-2007 and -1997, the protocol that
// Chinese electricity meters speak on RS-485: frames, addresses, control
// codes, data identifiers and exact decimal values.
//
// It is pure: it does no I/O, reads no clock and starts no goroutine. The
// exchange on a line, with its time-outs, is package meter; a simulated meter is
// dlt645test.
//
// What one needs first:
//
//	ParseAddress, ParseDI                         from what people write
//	ReadRequest, ReadMoreRequest, WriteRequest    frames to send, Frame.AppendBinary
//	Scan, Pending, Diagnose                       frames in what was received, or why it holds none
//	Frame.Answers, Frame.Refusal, Frame.Payload   of an answer
//	Assembly                                      answers of several frames
//	Decode, Item, Value, Decimal                  what an answer says
//	English, Chinese                              what the standard calls it: Language.Name, NameOf, Meaning
//	Name, NameOf, Text, Unit                      the same in both languages, and the unit
//	AppendParsed                                  values to write
//	Refusal, LengthError, FrameError              for errors.As
//	ErrUnknown, ErrSequence, ErrSettings          for errors.Is
//	FindOther                                     frames of other protocols
//
// The rest follows in the order of the standard. Its text is not public: tables
// and layouts follow what independent implementations and captured frames agree
// on, and clause numbers are those that such sources quote. What is said to be
// weakly attested has one source, or sources that copy each other.
//
// # Frames
//
// On the wire (clause 5.2 of the 2007 text) a frame is
//
//	[FE x n] 68 A0 A1 A2 A3 A4 A5 68 C L DATA(L bytes, each +33H) CS 16
//	  offset  0  1              6  7  8 9 10 ...             10+L 11+L
//
// FE bytes wake the receiver and belong to no frame; any number may come, and
// none. CS is the sum modulo 256 of all bytes from the first 68 to the byte before
// CS. Every byte of DATA carries an offset of 33H, which this package adds and
// removes and no other package knows of. What has several bytes goes low byte
// first, whatever it is: addresses, identifiers, numbers, times and characters.
//
// [Frame] is a frame in memory, [Frame.AppendBinary] and [Frame.UnmarshalBinary]
// are its two ways. [Scan] finds frames in a stream between noise, [Pending] what
// to keep of it, [Missing] how much more to wait for, and [Diagnose] says why
// nothing was found. How DATA are divided depends on the function: [Frame.Parts].
//
// # Addresses
//
// An [Address] is 12 digits, as printed on the meter. Bytes of AA in front mean any
// digits. [AnyAddress] asks the one meter on a line, [BroadcastAddress] tells all
// and is not answered. Which meter may answer what: [Address.Accepts].
//
// # Control codes
//
// The byte C ([Control]) says who speaks (D7), that the meter refuses (D6), that
// more data follow (D5), and the [Function] (D4 to D0):
//
//	2007  03 authenticate  08 broadcast time  11 read  12 read more  13 read address  14 write  15 write address
//	      16 freeze  17 baud  18 password  19 demand reset  1A meter clear  1B event clear  1C control  1D output
//	1997  01 read  02 read more  03 reread  04 write  08 broadcast time  0A write address  0C baud  0F password
//	      10 demand reset
//
// Each has a function that builds the request, [ReadRequest] to [OutputRequest]; a
// meter's side is [AnswerTo] and [RefusalTo]. What they return an error for is what
// no frame can hold; whether a meter takes the rest is for the meter to say.
//
// # Identifiers
//
// A [DI] names what is read or written: 4 bytes in 2007, 2 bytes in 1997. Bytes of
// it vary within a family, as the tariff does in 0001tt00, and FF there asks for
// all members in one answer: [Block], [Members]. The first byte tells the kind:
//
//	2007  00 energy  01 maximum demand  02 what is measured now  03 events  04 parameters
//	      05 freezes  06 load records  10 to 1F events, field by field (State Grid)
//	1997  9 energy  A maximum demand  B its times, and what is measured  C parameters
//
// [AnswerWidth] and [MostWidth] give the bytes of an answer, [Extent] the numbers
// that its format can hold.
//
// # Formats
//
// Numbers are BCD with a fixed point. Where an item can be negative, the top bit of
// its highest byte is the sign (Appendix A); elsewhere it is part of a digit. FF in
// every byte means that the meter has no such value, and a digit of A to F that what
// came is none. Times are BCD too, texts ASCII, status words bits. The commonest of
// 2007:
//
//	XXXXXX.XX   kWh, kvarh, kVAh    energies, 4 bytes
//	XX.XXXX     kW, kvar, kVA       powers and demands, 3 bytes
//	XXX.X       V                   voltages, 2 bytes
//	XXX.XXX     A                   currents, 3 bytes
//	X.XXX                           power factors, 2 bytes
//	YYMMDDhhmm                      times of the meter's own clock, without zone
//
// # Values
//
// [Decode] gives an [Item] for each value of an answer, with a [Value] of one
// [Kind] or another. Numbers stay exact: [Decimal]. [Item.Unit] gives the unit.
// The other way, [AppendParsed] and [AppendData] make what [WriteRequest] sends.
//
// # Errors
//
//	*Refusal       the meter answered that it will not: its bits are named by Refusal.Text
//	*LengthError   a good answer of another length than the table has
//	*FrameError    the byte that makes a candidate no frame
//	ErrUnknown     the table does not hold the identifier
//	ErrSequence    a follow-up frame is not the next: the whole read starts again
//	ErrSettings    parity or rate of the line are probably wrong
//
// All others say in words what was not understood, and no program needs to tell
// them apart.
package dlt645
