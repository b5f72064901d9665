// Feeds damaged files to the readers. Whatever they hold, a reader must answer with a value or an
// error: a crash ends this process, and so does an allocation that the limit on address space does
// not cover. The number of the input that was being read stays in a file, and `--only` repeats it.

import ArgumentParser
import Foundation
import Glibc

/// `FuzzReaders`.
struct FuzzReaders: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Feeds damaged files to the readers of model files.")

  @Option(help: "Which reader; all, one after the other, when left out.")
  var reader: Reader?
  @Option(help: "Inputs for each reader.")
  var count = 100_000
  @Option(help: "Another seed gives other inputs.")
  var seed: UInt64 = 1
  @Option(help: "Only this input, which is kept at the path that is printed.")
  var only: Int?
  @Option(help: "Address space above what the process has at the start, in MiB.")
  var memory = 256

  func run() throws {
    for reader in reader.map({ [$0] }) ?? Reader.allCases { try run(reader) }
  }

  private func run(_ reader: Reader) throws {
    // In memory where there is such a place: every input becomes a file.
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
    let folder = URL(fileURLWithPath: parent)
      .appendingPathComponent("bitnet-fuzz-\(reader.rawValue)-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let mutation = Mutation(seeds: try reader.seeds(in: folder), isText: reader.isText)
    let file = folder.appendingPathComponent(reader.fileName)
    try limitAddressSpace()
    var accepted = 0
    let start = DispatchTime.now().uptimeNanoseconds
    for index in only.map({ $0..<$0 + 1 }) ?? 0..<count {
      let input = mutation.input(seed: seed, index: index)
      try write(input, to: file.path)
      // Where a crash leaves it: `input 12 of gguf` in the folder's name of the last message.
      if index % 10_000 == 0 || only != nil {
        FileHandle.standardError.write(Data("\(reader) \(index): \(file.path)\n".utf8))
      }
      do {
        try reader.read(file, input)
        accepted += 1
      } catch {
        if only != nil { print("\(error)") }
      }
    }
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    guard only == nil else { return }
    try FileManager.default.removeItem(at: folder)
    print(
      "\(reader.rawValue): \(count) inputs of seed \(seed), \(accepted) of them readable, no crash,"
        + " \(Int(seconds)) s")
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw ValidationError("cannot write \(path)") }
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw ValidationError("cannot write \(path)") }
  }

  private func limitAddressSpace() throws {
    let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = status.split(separator: " ").first.flatMap { UInt($0) } ?? 0
    var limit = rlimit()
    limit.rlim_cur = pages * 4096 + UInt(memory) << 20
    limit.rlim_max = .max
    guard setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else {
      throw ValidationError("cannot limit the address space")
    }
  }
}

FuzzReaders.main()
