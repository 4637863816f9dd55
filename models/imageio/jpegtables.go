package imageio

import (
	"bytes"
	"encoding/hex"
	"io"
)

// standardTables is a segment of the four Huffman tables that ITU-T T.81 gives for 8 bits a value (annex K.3): the lengths and values of the
// codes, of luma's DC and AC, then of the chromas'.
var standardTables = segment("ffc401a2" +
	"0000010501010101010100000000000000" + "000102030405060708090a0b" +
	"100002010303020403050504040000017d" +
	"01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445" +
	"464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6" +
	"b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa" +
	"0100030101010101010101010000000000" + "000102030405060708090a0b" +
	"1100020102040403040705040400010277" +
	"000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a4344" +
	"45464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4" +
	"b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa")

// segment is made of its digits, which are right.
func segment(digits string) []byte {
	data, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return data
}

// withStandardTables gives a JPEG file with these tables in front. The frames of a film have none (Motion JPEG), as which the cameras of some
// microscopes save their pictures; a file that has its own replaces these, one by one, as browsers take it.
func withStandardTables(file io.Reader) io.Reader {
	var start [2]byte
	n, _ := io.ReadFull(file, start[:]) // an error comes again
	return io.MultiReader(bytes.NewReader(start[:n]), bytes.NewReader(standardTables), file)
}
