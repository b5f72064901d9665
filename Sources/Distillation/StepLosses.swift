/// What the losses of a step add up to: the head's terms, and the attention relations'.
struct StepLosses {
  var head = HeadLossSums()
  var relations = AttentionRelationSums()
  /// γ of the step; 0 without relations.
  let relationWeight: Double

  /// Each term's mean.
  var means: TermValues {
    var means = head.means
    means.ad = relations.mean
    return means
  }

  /// Each term's share of the total.
  func weighted(by weights: LossWeights) -> TermValues {
    var terms = head.weighted(by: weights)
    terms.ad = relationWeight * relations.mean
    return terms
  }

  /// The training loss.
  func total(_ weights: LossWeights) -> Double {
    head.total(weights) + relationWeight * relations.mean
  }

  /// The norms of the weighted terms' gradients, each where the term arises: the head's by the logits,
  /// the relations' by queries, keys and values.
  func gradientNorms(_ weights: LossWeights) -> TermValues {
    var norms = head.gradientNorms(weights)
    norms.ad = relationWeight * relations.gradientNorm
    return norms
  }
}
