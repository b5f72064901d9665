internal import ArgumentParser
internal import Foundation
internal import Jobs

/// `bitnet traces`.
struct Traces: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at what teachers said.", subcommands: [List.self, Head.self, Import.self],
    defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the sets of traces.")

    @Option(help: "How many at most.")
    var limit = 50

    @OptionGroup var options: ServerOptions

    func run() throws {
      let sets = try options.server.pages(of: "traces", limit: limit)
      if options.json { return Terminal.printLine(JSONValue.array(sets).text) }
      var table = TextTable("ID", "SEQUENCES", "ROWS", "SHARDS", "SIZE", "COMPLETE", "NAME")
      for set in sets {
        table.append(
          set.text("id"), set.text("sequences"), set.text("rows"), set.text("shards"),
          Quantity.bytes(set["bytes"]?.doubleValue ?? 0), set.text("complete"), set.text("name"))
      }
      table.print(whenEmpty: "There are no traces yet. `bitnet submit collect` makes some.")
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take over traces that another program wrote (DistillKit, Axolotl, …).")

    @Argument(
      help: "The folder of Parquet files. A relative one is meant from here.",
      completion: .directory)
    var directory: String

    @Option(help: "The tokenizer.json whose ids they hold.", completion: .file())
    var tokenizer: String

    @Option(help: "Who answered, for people.")
    var teacher: String?

    @Option(help: "A name for people.")
    var name: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
      var request: JSONObject = [
        "path": .string(URL(filePath: directory).path),
        "tokenizer": .string(URL(filePath: tokenizer).path),
      ]
      request["teacher"] = teacher.map { .string($0) }
      request["name"] = name.map { .string($0) }
      let traces = try options.server.post("v1", "traces", "import", body: .object(request))
      Terminal.printLine(options.json ? traces.text : traces.text("id"))
    }
  }

  struct Head: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show rows of a sequence: each token, and what the teacher expected there.")

    @Argument(help: "The traces' id, or that of the job that collected them.")
    var traces: String

    @Option(name: [.customShort("n"), .long], help: "How many rows at most.")
    var rows = 20

    @Option(help: "Which sequence.")
    var sequence = 0

    @Option(help: "First position.")
    var from = 0

    @Option(help: "How many candidates of each row.")
    var candidates = 5

    @OptionGroup var options: ServerOptions

    func run() throws {
      let query = [
        ("sequence", String(sequence)), ("from", String(from)), ("limit", String(rows)),
      ]
      let answer = try options.server.get("v1", "traces", traces, "rows", query: query)
      if options.json { return Terminal.printLine(answer.text) }
      var table = TextTable("POSITION", "TOKEN", "OTHER", "LOSS", "EXPECTED")
      for row in answer["data"]?.arrayValue ?? [] {
        let expected = (row["top_k"]?.arrayValue ?? []).prefix(candidates).map {
          "\(Self.visible($0)) \(Self.percent($0["logprob"]))"
        }
        table.append(
          row.text("position"), Self.visible(row), Self.percent(row["other_logprob"]),
          row["loss_mask"] == true ? "yes" : "no", expected.joined(separator: "  "))
      }
      table.print(whenEmpty: "This sequence has no such rows.")
    }

    /// Blanks and line ends of a token in a form that can be seen.
    private static func visible(_ token: JSONValue) -> String {
      token.text("token").replacing(" ", with: "␣").replacing("\n", with: "⏎")
        .replacing("\t", with: "⇥")
    }

    private static func percent(_ logprob: JSONValue?) -> String {
      guard let logprob = logprob?.doubleValue else { return "-" }
      return String(format: "%.1f%%", exp(logprob) * 100)
    }
  }
}
