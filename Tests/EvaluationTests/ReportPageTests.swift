import Evaluation
import Foundation
import Testing

struct ReportPageTests {
  private let html = ReportPage.html(SampleReport.content)

  @Test func `the page needs nothing but itself`() {
    for foreign in ["<script", "http://", "https://", "src=", "@import", "url(", "<link"] {
      #expect(!html.contains(foreign), "\(foreign)")
    }
    #expect(html.contains("default-src 'none'"))
  }

  @Test func `text from outside cannot become markup`() {
    #expect(html.contains("Tool calls &lt;demo&gt;"))
    #expect(html.contains("Weather in &lt;Rome&gt;?"))
    #expect(!html.contains("<demo>") && !html.contains("<Rome>"))
  }

  @Test func `every section is there`() {
    for title in [
      "Quality on the test part", "Training", "Sizes and speeds", "Dry run at full size",
      "Checklist", "Answers", "How it was made",
    ] { #expect(html.contains("<h2>\(title)</h2>"), "\(title)") }
    for figure in ["96.5 %", "6.74 B", "2.14 GiB", "6 min 10 s", "41234 tok/s"] {
      #expect(html.contains(figure), "\(figure)")
    }
  }

  /// Elements are closed in the order in which they were opened.
  @Test func `markup is well formed`() {
    let void = Set(["meta", "!doctype", "line", "rect", "polyline"])
    var open: [Substring] = []
    for tag in html.matches(of: /<(\/?)([a-z!][a-z0-9]*)[^>]*?(\/?)>/) {
      if void.contains(String(tag.2)) || tag.3 == "/" { continue }
      if tag.1.isEmpty { open.append(tag.2) } else { #expect(open.popLast() == tag.2) }
    }
    #expect(open.isEmpty)
  }

  @Test func `an empty report has no empty sections`() {
    let content = ReportContent(title: "Nothing", summary: PipelineSummary(state: "failed"))
    let html = ReportPage.html(content)
    #expect(!html.contains("<h2>Training</h2>") && !html.contains("<h2>Answers</h2>"))
    #expect(html.contains("failed"))
    #expect(!html.contains("nan") && !html.contains("inf"))
  }

  @Test func `curves with gaps, one point or none are drawn or left out`() {
    var content = SampleReport.content
    content.plots = [
      .init(title: "none", unit: "", curves: []),
      .init(
        title: "gaps", unit: "", curves: [.init(name: "a", points: [(1, .nan), (2, .infinity)])]),
      .init(title: "one", unit: "", curves: [.init(name: "a", points: [(1, 0)])]),
      .init(title: "flat", unit: "", curves: [.init(name: "a", points: [(1, -2), (2, -2)])]),
    ]
    let html = ReportPage.html(content)
    #expect(!html.contains(#"aria-label="none""#) && !html.contains(#"aria-label="gaps""#))
    #expect(html.contains(#"aria-label="one""#) && html.contains(#"aria-label="flat""#))
    #expect(!html.contains("nan"))
  }
}

struct TerminalReportTests {
  @Test func `the table shows every model and figure`() {
    let text = TerminalReport.text(SampleReport.content, style: .plain)
    for part in [
      "Tool calls <demo>: succeeded in 6 min 10 s", "Distilled, A8", "96.5 %", "2.14 GiB",
      "pass  exact_match minus the teacher's >= -0.03", "FAIL  qei >= 20.0",
    ] { #expect(text.contains(part), "\(part)") }
    #expect(!text.contains("\u{1B}"))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(TerminalReport.text(SampleReport.content, style: .colored).contains("\u{1B}[32mpass"))
  }

  @Test func `what was not measured is a dash`() {
    let content = ReportContent(title: "Nothing", summary: PipelineSummary(state: "failed"))
    #expect(
      TerminalReport.text(content, style: .plain).contains("QEI with speed                  –"))
  }

  @Test func `columns line up`() {
    #expect(
      TerminalReport.table(header: ["a", "bb"], rows: [["longer", "1"], ["x", "222"]])
        == """
          a        bb
          ───────────
          longer    1
          x       222
        """)
  }
}
