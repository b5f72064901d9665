internal import ArgumentParser
internal import Corpora
internal import Foundation
internal import Tokenization

/// `bitnet tokenizer`, the one command that works on this machine.
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Make tokenizers, on this machine.",
    subcommands: [Train.self])

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learn a byte-level BPE vocabulary from .txt and .jsonl files.")

    @Argument(help: "Text files, or lines of {\"prompt\", \"completion\"}.", completion: .file())
    var files: [String]

    @Option(help: "Ids to give, the 256 bytes and the special tokens included.")
    var vocabSize: Int

    @Option(name: [.short, .long], help: "The tokenizer.json to write.")
    var output: String

    @Option(help: "A special token; may be repeated. The first ends texts.")
    var special = ["<|endoftext|>"]

    func run() throws {
      var texts: [String] = []
      for file in files {
        do throws(CorpusError) {
          texts += try Corpus.load(URL(filePath: file)).texts
        } catch {
          throw Failure.usage("\(file): \(error)")
        }
      }
      let trainer = BytePairTrainer(vocabularySize: vocabSize, specialTokens: special)
      let tokenizer: Tokenizer
      do throws(TokenizerError) {
        tokenizer = try trainer.train(texts, progress: Self.showProgress)
      } catch {
        throw Failure.usage("\(error)")
      }
      do {
        try tokenizer.json.write(to: URL(filePath: output), options: .atomic)
      } catch {
        throw Failure.usage("cannot write \(output): \(error.localizedDescription)")
      }
      Terminal.printLine("\(output): \(tokenizer.vocabularySize) tokens")
    }

    private static func showProgress(found: Int, wanted: Int) {
      guard Terminal.errorIsTerminal, found % 64 == 0 || found == wanted else { return }
      var bar = ProgressBar(label: "merges")
      bar.fraction = Double(found) / Double(max(wanted, 1))
      bar.step = Int64(found)
      bar.stepsTotal = Int64(wanted)
      let end = found == wanted ? "\r\u{1B}[K" : ""
      Terminal.writeError("\r\u{1B}[K" + bar.line(columns: Terminal.columns) + end)
    }
  }
}
