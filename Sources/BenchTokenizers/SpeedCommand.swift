import ArgumentParser
import Foundation
import Tokenization

/// Measures how fast documents are encoded and decoded.
struct SpeedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed", abstract: "Print MB/s of encoding, the median of several passes.")

  @Argument(help: "A tokenizer.json, or a GGUF file.") var tokenizer: String
  @Argument(help: "The documents, a JSON text a line.") var documents: String
  @Option(help: "Threads.") var threads = 1
  @Option(help: "Passes over all documents; the first one also warms up.") var passes = 5

  func run() throws {
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: tokenizer))
    let documents = try Documents.read(documents)
    let megabytes = Double(documents.reduce(0) { $0 + $1.utf8.count }) / 1e6
    let clock = ContinuousClock()
    var seconds: [Double] = []
    var tokenCount = 0
    for _ in 0..<passes {
      let duration = clock.measure {
        tokenCount = tokenizer.encode(documents, threads: threads).reduce(0) { $0 + $1.count }
      }
      seconds.append(duration / .seconds(1))
    }
    let first = seconds[0]
    seconds.sort()
    print(
      #"{"mb_per_s":\#(megabytes / seconds[seconds.count / 2]),"first_mb_per_s":"#
        + #"\#(megabytes / first),"tokens":\#(tokenCount),"mb":\#(megabytes)}"#)
  }
}
