import CKernels
import TestSupport
import Testing

/// One form of a block, with what llama.cpp's `ggml-quants.c` makes of two short patterns.
struct GGUFBlockForm: Sendable, CustomTestStringConvertible {
  let name: String
  let elements: Int
  let bytes: Int
  let pack: @Sendable (UnsafePointer<Int8>, Int, UnsafeMutablePointer<UInt8>) -> Void
  let read: @Sendable (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Float>) -> Void
  /// The block of nothing but zeros.
  let zeros: [UInt8]
  /// The first byte of trits when the first trit is 1 and all others 0.
  let firstOne: UInt8
  /// Where that byte is.
  let firstByte: Int
  var testDescription: String { name }

  static let one: [UInt8] = [0x00, 0x3C]
  static let all = [
    GGUFBlockForm(
      name: "TQ2_0", elements: 256, bytes: 66, pack: { gguf_pack_tq2_0($0, $1, $2) },
      read: { gguf_read_tq2_0($0, $1, $2) },
      zeros: [UInt8](repeating: 0x55, count: 64) + one, firstOne: 0x56, firstByte: 0),
    GGUFBlockForm(
      name: "TQ1_0", elements: 256, bytes: 54, pack: { gguf_pack_tq1_0($0, $1, $2) },
      read: { gguf_read_tq1_0($0, $1, $2) },
      // 11111 in base 3 is 121, 11110 is 120; a byte is the ceiling of value * 256 / 243.
      zeros: [UInt8](repeating: 128, count: 48) + [UInt8](repeating: 127, count: 4) + one,
      // 21111 is 202.
      firstOne: 213, firstByte: 0),
    GGUFBlockForm(
      name: "Q4_0", elements: 32, bytes: 18, pack: { gguf_pack_q4_0($0, $1, $2) },
      read: { gguf_read_q4_0($0, $1, $2) },
      zeros: one + [UInt8](repeating: 0x88, count: 16), firstOne: 0x89, firstByte: 2),
    GGUFBlockForm(
      name: "I2_S", elements: 128, bytes: 32, pack: { gguf_pack_i2_s($0, $1, $2) },
      read: { gguf_read_i2_s($0, $1, 1, $2) },
      zeros: [UInt8](repeating: 0x55, count: 32), firstOne: 0x95, firstByte: 0),
  ]
}

struct GGUFBlocksTests {
  @Test(arguments: GGUFBlockForm.all)
  func `blocks are those of llama.cpp`(_ form: GGUFBlockForm) {
    var trits = [Int8](repeating: 0, count: form.elements)
    var block = [UInt8](repeating: 0xEE, count: form.bytes)
    form.pack(trits, form.elements, &block)
    #expect(block == form.zeros)
    trits[0] = 1
    form.pack(trits, form.elements, &block)
    #expect(block[form.firstByte] == form.firstOne)
  }

  @Test(arguments: GGUFBlockForm.all)
  func `every trit comes back from its place`(_ form: GGUFBlockForm) {
    var random = SplitMix64(seed: 3)
    let count = 3 * form.elements
    let trits = (0..<count).map { _ in Int8.random(in: -1...1, using: &random) }
    var blocks = [UInt8](repeating: 0, count: 3 * form.bytes)
    form.pack(trits, count, &blocks)
    var values = [Float](repeating: .nan, count: count)
    form.read(blocks, count, &values)
    #expect(values == trits.map(Float.init))
  }

  /// Hostile bytes must read as some number, inside the room that there is.
  @Test(arguments: GGUFBlockForm.all)
  func `any bytes give numbers`(_ form: GGUFBlockForm) {
    var random = SplitMix64(seed: 4)
    let blocks = (0..<form.bytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    var values = [Float](repeating: 7, count: form.elements + 1)
    form.read(blocks, form.elements, &values)
    #expect(values[form.elements] == 7)
  }

  @Test func `numbers of one magnitude are told from others`() {
    var nonZero = 0
    let ternary: [Float] = [0.25, 0, -0.25, 0.25, -0]
    #expect(common_magnitude(ternary, 5, &nonZero) == 0.25)
    #expect(nonZero == 3)
    for wrong: [Float] in [[0.25, 0.5], [.nan, 1], [1, .infinity], [1, 1.001]] {
      #expect(common_magnitude(wrong, 2, &nonZero) == -1)
    }
    #expect(common_magnitude([0, 0], 2, &nonZero) == 0)
  }
}
