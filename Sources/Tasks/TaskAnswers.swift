internal import Evaluation

/// What a model answered, example by example, and the figures that follow.
enum TaskAnswers {
  /// By example: the number of options, which is right, and the most probable one by plain and by
  /// normalised likelihood; nil when a logit was not finite.
  struct Choice: Sendable {
    var expected: Int
    var predicted: Int?
    var predictedNorm: Int?
  }

  /// The figures of answers by likelihood.
  static func figures(_ choices: [Choice], of task: TaskDescription) -> [TaskReport.Figure] {
    let places = Array(choices.indices)
    return task.metrics.map { metric in
      switch metric {
      case .accuracy:
        return mean(metric, choices.map { $0.predicted == $0.expected ? 1 : 0 })
      case .accuracyNorm:
        return mean(metric, choices.map { $0.predictedNorm == $0.expected ? 1 : 0 })
      default:
        guard case .labels(_, _, let words, let positive) = task.answer else {
          return TaskReport.Figure(metric: metric.rawValue, value: nil)
        }
        let figure = { (places: [Int]) -> Double in
          var scores = ClassificationScores(classes: words.count)
          for place in places {
            scores.add(expected: choices[place].expected, predicted: choices[place].predicted)
          }
          return switch metric {
          case .f1: scores.f1(of: positive)
          case .macroF1: scores.macroF1 ?? .nan
          default: scores.matthews ?? .nan
          }
        }
        return TaskReport.Figure(
          metric: metric.rawValue, value: figure(places),
          interval: ConfidenceInterval(count: choices.count, statistic: figure))
      }
    }
  }

  /// The figures of written answers.
  static func figures(
    _ answers: [String], expected: [String], of task: TaskDescription
  ) -> [TaskReport.Figure] {
    task.metrics.map { metric in
      if metric == .bleu {
        var bleu = BLEU()
        for (answer, reference) in zip(answers, expected) {
          bleu.add(answer, references: [reference])
        }
        return TaskReport.Figure(
          metric: metric.rawValue, value: bleu.score,
          interval: ConfidenceInterval(count: answers.count) { bleu.score(of: $0) })
      }
      return mean(
        metric,
        zip(answers, expected).map { value(of: $0, expected: $1, metric, schema: task.schema) })
    }
  }

  /// What one answer adds to the mean.
  private static func value(
    of answer: String, expected: String, _ metric: TaskMetric, schema: JSONSchema?
  ) -> Double {
    func rouge(_ variant: ROUGE.Variant) -> Double {
      ROUGE(variant, answer: answer, references: [expected]).fMeasure
    }
    return switch metric {
    case .exactMatch: TaskScorer.areEqual(answer, expected) ? 1 : 0
    case .jsonValid: (try? JSONTree(answer)) == nil ? 0 : 1
    case .schemaValid: (try? JSONTree(answer)).map { schema?.matches($0) == true } == true ? 1 : 0
    case .rouge1: rouge(.rouge1)
    case .rouge2: rouge(.rouge2)
    case .rougeL: rouge(.rougeL)
    case .rougeLsum: rouge(.rougeLsum)
    case .accuracy, .accuracyNorm, .f1, .macroF1, .matthews, .bleu: .nan
    }
  }

  private static func mean(_ metric: TaskMetric, _ values: [Double]) -> TaskReport.Figure {
    TaskReport.Figure(
      metric: metric.rawValue,
      value: values.isEmpty ? nil : values.reduce(0, +) / Double(values.count),
      interval: ConfidenceInterval(meanOf: values))
  }
}
