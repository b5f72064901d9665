internal import CKernels
internal import Kernels
internal import Transformer

/// How a cached key or value is stored.
package enum CachePrecision: String, Codable, CaseIterable, Sendable {
  case fp32
  case fp16
  /// Codes with one scale for each key and each value.
  case int8

  /// Bytes of one number.
  var width: Int {
    switch self {
    case .fp32: 4
    case .fp16: 2
    case .int8: 1
    }
  }
}

/// Keys and values of every block and head, in pages of 32 positions that sequences take as they
/// grow. Pages that were never taken take no memory.
///
/// Layout of a head in a page: CKernels/include/inference_kernels.h.
final class KeyValueCache {
  static let pagePositions = Int(CACHE_PAGE)

  private(set) var pool: PagePool
  private let precision: CachePrecision
  private let heads: Int
  private let headDimension: Int
  private let table: inference_kernels_table
  private let storage: AlignedBuffer<UInt8>
  /// Bytes of one head in a page.
  private let headBytes: Int
  private let pageBytes: Int
  /// Positions of the longest sequence, a multiple of `pagePositions`.
  private let capacity: Int
  private var sequences: [SequencePages]

  /// What a sequence holds.
  private struct SequencePages {
    var numbers: [Int] = []
    var addresses: [UnsafePointer<UInt8>?] = []
    /// Of the last full page, when full pages become known.
    var identity: Int?
    /// Of the pages that are not known yet.
    var tokens: [Int32] = []
    /// Full pages that are known.
    var knownCount = 0
  }

  /// - Parameter positions: of all sequences together; nil: every sequence at its longest.
  init(
    _ configuration: ModelConfiguration, sequences: Int, maximumLength: Int, positions: Int?,
    precision: CachePrecision, instructionSet: InstructionSet
  ) {
    self.precision = precision
    heads = configuration.numKeyValueHeads
    headDimension = configuration.headDim
    headBytes = Self.headBytes(configuration, precision)
    pageBytes = configuration.numHiddenLayers * heads * headBytes
    capacity = Self.pageCount(maximumLength) * Self.pagePositions
    pool = PagePool(
      pageCount: Self.pageCount(
        sequences: sequences, maximumLength: maximumLength, positions: positions))
    storage = AlignedBuffer(count: pool.pageCount * pageBytes)
    self.sequences = Array(repeating: SequencePages(), count: sequences)
    table = inferenceLoops(instructionSet)
  }

  static func byteCount(
    _ configuration: ModelConfiguration, sequences: Int, maximumLength: Int, positions: Int?,
    precision: CachePrecision
  ) -> Int {
    pageCount(sequences: sequences, maximumLength: maximumLength, positions: positions)
      * configuration.numHiddenLayers * configuration.numKeyValueHeads
      * headBytes(configuration, precision)
  }

  // MARK: - Pages

  /// Pages that so many positions need.
  static func pageCount(_ positions: Int) -> Int {
    (positions + pagePositions - 1) / pagePositions
  }

  /// Empties a sequence.
  func reset(_ sequence: Int) {
    for page in sequences[sequence].numbers.reversed() { pool.release(page) }
    sequences[sequence] = SequencePages()
  }

  /// Gives an empty sequence the known pages that hold the beginning of `tokens`.
  ///
  /// - Parameter limit: positions, at most.
  /// - Returns: the positions that it then has.
  func takeKnown(_ tokens: [Int32], limit: Int, sequence: Int) -> Int {
    precondition(sequences[sequence].numbers.isEmpty, "only an empty sequence takes a beginning")
    let size = Self.pagePositions
    var first = 0
    while first + size <= min(limit, tokens.count) {
      let name = PagePool.Name(
        predecessor: sequences[sequence].identity, tokens: Array(tokens[first..<first + size]))
      guard let (page, identity) = pool.take(name) else { break }
      hold(page, sequence)
      sequences[sequence].identity = identity
      sequences[sequence].knownCount += 1
      first += size
    }
    return first
  }

  /// Gives a sequence the pages that it needs to reach `length` positions.
  ///
  /// - Returns: false when there are too few; then nothing changes.
  func reserve(_ length: Int, sequence: Int) -> Bool {
    let missing = Self.pageCount(length) - sequences[sequence].numbers.count
    guard missing <= pool.availableCount else { return false }
    for _ in 0..<max(0, missing) {
      // There are enough, as was just seen.
      if let page = pool.take() { hold(page, sequence) }
    }
    return true
  }

  /// Notes which tokens a sequence's next positions were computed from, and makes pages that are
  /// full known.
  func note(_ tokens: ArraySlice<Int32>, sequence: Int) {
    let size = Self.pagePositions
    sequences[sequence].tokens += tokens
    while sequences[sequence].tokens.count >= size {
      let name = PagePool.Name(
        predecessor: sequences[sequence].identity,
        tokens: Array(sequences[sequence].tokens.prefix(size)))
      sequences[sequence].tokens.removeFirst(size)
      let page = sequences[sequence].numbers[sequences[sequence].knownCount]
      sequences[sequence].identity = pool.makeKnown(page, name)
      sequences[sequence].knownCount += 1
    }
  }

  private func hold(_ page: Int, _ sequence: Int) {
    sequences[sequence].numbers.append(page)
    sequences[sequence].addresses.append(UnsafePointer(storage.pointer + page * pageBytes))
  }

  // MARK: - Cells

  /// Stores one position's keys and values of one block, `[heads * D]` each.
  func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, block: Int, sequence: Int,
    position: Int
  ) {
    let append =
      switch precision {
      case .fp32: table.append_fp32
      case .fp16: table.append_fp16
      case .int8: table.append_int8
      }
    let page = sequences[sequence].numbers[position / Self.pagePositions]
    for head in 0..<heads {
      let cells = storage.pointer + page * pageBytes + (block * heads + head) * headBytes
      let offset = head * headDimension
      append?(keys + offset, values + offset, position % Self.pagePositions, headDimension, cells)
    }
  }

  /// A head's keys and values as floats, in a worker's scratch: for the many rows of a prompt they are
  /// converted once, and not for every six rows.
  struct WidenedHead {
    fileprivate var sequence = -1
    fileprivate var head = -1
    fileprivate var pages: [UnsafePointer<UInt8>?] = []
  }

  /// Positions whose floats stay in a core's second-level cache; of more, they would be read from
  /// farther away than what they were made of.
  private static let widenedPositionsMax = 512
  /// Query rows that are worth it, in sixes.
  private static let widenedChunksMin = 8

  /// Whether a head is widened for `chunks` calls that see up to `positions`.
  func widens(chunks: Int, positions: Int) -> Bool {
    precision == .fp16 && chunks >= Self.widenedChunksMin && positions <= Self.widenedPositionsMax
  }

  /// Lets up to six query rows attend to a sequence's cache.
  ///
  /// - Parameter scratch: `scratchBytes`, aligned to 64 bytes.
  func attend(
    _ rows: inout cache_attention_rows, block: Int, sequence: Int, head: Int,
    scratch: UnsafeMutableRawPointer
  ) {
    let attend =
      switch precision {
      case .fp32: table.attend_fp32
      case .fp16: table.attend_fp16
      case .int8: table.attend_int8
      }
    rows.page_offset = (block * heads + head) * headBytes
    let floats = scratch.bindMemory(to: Float.self, capacity: Int(CACHE_QUERY_ROWS) * capacity)
    sequences[sequence].addresses.withUnsafeBufferPointer { addresses in
      rows.pages = addresses.baseAddress
      attend?(&rows, floats, capacity)
    }
  }

  /// The same, bit for bit, by way of a head that was widened.
  ///
  /// - Parameter widened: what this worker has widened in `block` so far.
  /// - Parameter positions: those that any row of the sequence sees.
  func attend(
    _ rows: inout cache_attention_rows, block: Int, sequence: Int, head: Int, positions: Int,
    widened: inout WidenedHead, scratch: UnsafeMutableRawPointer
  ) {
    let floats = scratch.bindMemory(to: Float.self, capacity: Int(CACHE_QUERY_ROWS) * capacity)
    if widened.sequence != sequence || widened.head != head {
      widen(
        &widened, block: block, sequence: sequence, head: head, positions: positions,
        into: floats + Int(CACHE_QUERY_ROWS) * capacity)
    }
    rows.page_offset = 0
    widened.pages.withUnsafeBufferPointer { addresses in
      rows.pages = addresses.baseAddress
      table.attend_fp32?(&rows, floats, capacity)
    }
  }

  private func widen(
    _ widened: inout WidenedHead, block: Int, sequence: Int, head: Int, positions: Int,
    into floats: UnsafeMutablePointer<Float>
  ) {
    (widened.sequence, widened.head) = (sequence, head)
    widened.pages.removeAll(keepingCapacity: true)
    // Two bytes a number.
    let count = headBytes / 2
    for index in 0..<Self.pageCount(positions) {
      let cells =
        storage.pointer + sequences[sequence].numbers[index] * pageBytes
        + (block * heads + head) * headBytes
      let target = floats + index * count
      table.widen_fp16?(cells, count, target)
      widened.pages.append(UnsafeRawPointer(target).assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Bytes of a worker's scratch for `attend`.
  var scratchBytes: Int {
    let scores = Int(CACHE_QUERY_ROWS) * capacity * MemoryLayout<Float>.stride
    guard precision == .fp16 else { return scores }
    let pages = Self.pageCount(min(capacity, Self.widenedPositionsMax))
    return scores + pages * headBytes * MemoryLayout<Float>.stride / precision.width
  }

  private static func pageCount(
    sequences: Int, maximumLength: Int, positions: Int?
  ) -> Int {
    positions.map { pageCount($0) } ?? sequences * pageCount(maximumLength)
  }

  private static func headBytes(
    _ configuration: ModelConfiguration, _ precision: CachePrecision
  ) -> Int {
    let padded = (configuration.headDim + 15) / 16 * 16
    let scales = precision == .int8 ? 2 * pagePositions * MemoryLayout<Float>.stride : 0
    return pagePositions * (configuration.headDim + padded) * precision.width + scales
  }
}

/// The loops of one instruction set.
func inferenceLoops(_ instructionSet: InstructionSet) -> inference_kernels_table {
  switch instructionSet {
  case .scalar: inference_kernels(0).pointee
  case .avx2: inference_kernels(1).pointee
  case .avx512: inference_kernels(2).pointee
  }
}
