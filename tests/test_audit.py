"""What an audit promises: unbiased whatever the tagger, blind, and refused where it does not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipclass.audit import Plan, Provenance, audit_size, estimate, estimate_random, plan, plan_random, ppi, random_size
from ipclass.calibration import Calibration
from ipclass.errors import ShareError
from ipclass.figures import exact

N = 20_000


def draw(n, share, rng, up=1.5):
    truth = rng.random(n) < share
    return rng.normal(np.where(truth, up, -2.0), 1.3), truth


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration.of(*draw(4000, 0.1, np.random.default_rng(0)))


@pytest.fixture(scope="module")
def target():
    return draw(N, 0.02, np.random.default_rng(1))


# --- the plan


def test_plan_is_what_was_asked_for(target, calibration):
    scores, _ = target
    drawn = plan(scores, calibration)
    assert len(drawn.rows) == len(set(drawn.rows)) == len(drawn.stratum) == len(drawn.weight) == 300
    assert np.bincount(drawn.stratum).tolist() == [120] + [20] * 9
    assert drawn.sizes.sum() == N
    assert drawn.weight.sum() == pytest.approx(N)
    highest = scores[drawn.rows[drawn.stratum == 0]].max()
    assert highest < scores[drawn.rows[drawn.stratum > 0]].min()


def test_plan_is_shuffled(target, calibration):
    drawn = plan(target[0], calibration)
    assert abs(np.corrcoef(np.arange(300), target[0][drawn.rows])[0, 1]) < 0.2
    assert not np.array_equal(np.sort(drawn.rows), drawn.rows)


def test_same_seed_same_plan(target, calibration):
    one, other, third = (plan(target[0], calibration, seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(one.rows, other.rows)
    assert not np.array_equal(one.rows, third.rows)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([-9.0, -3.0, -2.5, -1.0, 0.0, 0.1, 2.0, 7.0]), min_size=1, max_size=400),
    st.integers(20, 400),
    st.floats(0.05, 0.95),
)
def test_plan_of_any_scores(calibration, scores, n, bulk):
    values = np.array(scores)
    drawn = plan(values, calibration, n, bulk)
    assert len(set(drawn.rows)) == len(drawn.rows) == min(n, len(scores))
    assert drawn.weight.sum() == pytest.approx(len(scores))
    assert (drawn.weight >= 1).all()
    for score in set(scores):  # equal scores share a stratum
        assert len(set(drawn.stratum[values[drawn.rows] == score])) <= 1


@pytest.mark.parametrize(("n", "bulk"), [(19, 0.4), (300, 0.0), (300, 1.0)])
def test_plan_refuses(target, calibration, n, bulk):
    with pytest.raises(ShareError, match="at least 20"):
        plan(target[0], calibration, n, bulk)


def test_plan_refuses_no_documents(calibration):
    with pytest.raises(ShareError, match="no documents"):
        plan(np.empty(0), calibration)
    with pytest.raises(ShareError, match="not a number"):
        plan(np.array([np.nan]), calibration)


# --- the estimate


def audited(scores, truth, calibration, seed=0, n=300, **options):
    drawn = plan(scores, calibration, n, seed=seed)
    return estimate(drawn, truth[drawn.rows], scores, calibration, **options)


def test_finds_the_share_and_the_taggers_quality(target, calibration):
    scores, truth = target
    found = audited(scores, truth, calibration)
    tagged = scores >= calibration.threshold
    assert found.share.low < truth.mean() < found.share.high
    assert found.precision.low < truth[tagged].mean() < found.precision.high
    assert found.recall.low < tagged[truth].mean() < found.recall.high
    assert found.share.naive == tagged.mean()
    assert (found.checked, found.bulk_checked, found.share.method, found.share.n) == (300, 120, "A", N)
    assert "e" not in found.share.flags


def test_says_what_the_bulk_held(target, calibration):
    scores, _ = target
    drawn = plan(scores, calibration)
    positive = np.zeros(300, bool)
    assert estimate(drawn, positive, scores, calibration).sentence == "0 of 120 checked in the bulk were positive"
    positive[np.flatnonzero(drawn.stratum == 0)[0]] = True
    assert estimate(drawn, positive, scores, calibration).sentence == "1 of 120 checked in the bulk was positive"


def test_is_the_textbook_estimator(target, calibration):
    """An independent way to the same number: judge by judge, with Python's own sums."""
    scores, truth = target
    drawn = plan(scores, calibration)
    found = estimate(drawn, truth[drawn.rows], scores, calibration, guard=False)
    ratio = np.exp(calibration.platt.slope * scores + calibration.platt.offset) / (calibration.prior / (1 - calibration.prior))
    low, high = 0.0, 1.0
    for _ in range(60):  # the likeliest share, by bisection on exact scores
        middle = (low + high) / 2
        up = ((ratio - 1) / (1 + middle * (ratio - 1))).sum() > 0
        low, high = (middle, high) if up else (low, middle)
    expected = low * ratio / (low * ratio + 1 - low)
    value = expected.mean()
    for h, size in enumerate(drawn.sizes):
        rows = drawn.rows[drawn.stratum == h]
        value += size / N * sum(float(truth[row]) - expected[row] for row in rows) / len(rows)
    assert found.share.share == pytest.approx(value, rel=0.01)


def test_a_bad_tagger_makes_it_wide_and_not_wrong(calibration):
    rng = np.random.default_rng(2)
    scores, truth = draw(N, 0.05, rng)
    shares = [audited(rng.permutation(scores), truth, calibration, seed).share for seed in range(60)]
    errors = [share.share - truth.mean() for share in shares]
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(60)
    assert np.mean([share.low <= truth.mean() <= share.high for share in shares]) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("share", "blind"), [(0.01, 0.0), (0.05, 0.0), (0.01, 0.3)])
def test_coverage(calibration, share, blind):
    inside, errors, precise, recalled, draws = 0, [], 0, 0, 300
    for seed in range(draws):
        rng = np.random.default_rng([seed, 3])
        scores, truth = draw(N, share, rng)
        missed = truth & (rng.random(N) < blind)
        scores[missed] = rng.choice(scores[~truth], missed.sum())
        found = audited(scores, truth, calibration, seed)
        tagged = scores >= calibration.threshold
        errors.append(found.share.share / truth.mean() - 1)
        inside += found.share.low <= truth.mean() <= found.share.high
        precise += found.precision.low <= truth[tagged].mean() <= found.precision.high
        recalled += found.recall.low <= tagged[truth].mean() <= found.recall.high
    assert abs(np.mean(errors)) < 0.05 + 2 * np.std(errors) / np.sqrt(draws)
    assert min(inside, precise, recalled) / draws >= 0.90


def test_no_positive_found_still_has_a_width(target, calibration):
    scores, _ = target
    found = audited(scores, np.zeros(N, bool), calibration)
    assert found.share.low < found.share.high
    assert found.share.high > 0.005
    unguarded = audited(scores, np.zeros(N, bool), calibration, guard=False)
    assert 0 < unguarded.share.high <= found.share.high


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(50, 2000))
def test_the_share_lies_in_its_interval(calibration, seed, share, n):
    rng = np.random.default_rng(seed)
    scores, truth = rng.normal(-1, 2, n), rng.random(n) < share
    found = audited(scores, truth, calibration, seed)
    for low, value, high in (
        (found.share.low, found.share.share, found.share.high),
        (found.precision.low, found.precision.value, found.precision.high),
        (found.recall.low, found.recall.value, found.recall.high),
    ):
        assert np.isnan(value) or 0 <= low <= value <= high <= 1
    assert found.share.low < found.share.high or n <= 300


def test_everything_judged_is_the_truth(calibration):
    scores, truth = draw(200, 0.3, np.random.default_rng(3))
    found = audited(scores, truth, calibration)
    tagged = scores >= calibration.threshold
    assert found.share.share == pytest.approx(truth.mean())
    assert found.error == 0
    assert found.precision.value == pytest.approx(truth[tagged].mean())
    assert found.recall.value == pytest.approx(tagged[truth].mean())


def test_more_judgements_narrow(target, calibration):
    few, many = (audited(*target, calibration, n=n) for n in (100, 2000))
    assert many.share.high - many.share.low < 0.5 * (few.share.high - few.share.low)


def test_rows_left_out_are_left_out(target, calibration):
    scores, truth = target
    drawn = plan(scores, calibration)
    judged = np.arange(300) % 3 > 0
    found = estimate(drawn, truth[drawn.rows], scores, calibration, judged=judged)
    assert found.checked == 200
    assert found.share.low < truth.mean() < found.share.high


def test_nothing_tagged_and_nothing_positive(calibration):
    scores = np.random.default_rng(0).normal(-6, 0.5, 5000)
    found = audited(scores, np.zeros(5000, bool), calibration)
    assert "no document was tagged" in found.precision.reason


# --- refusals


@pytest.mark.parametrize(
    ("provenance", "reason"), [(Provenance.RANDOM, "plain random sample"), (Provenance.TRAINING, "train the model")]
)
def test_only_a_stratified_audit_fits_the_estimator(target, calibration, provenance, reason):
    scores, truth = target
    drawn = plan(scores, calibration)
    with pytest.raises(ShareError, match=reason):
        estimate(drawn, truth[drawn.rows], scores, calibration, provenance=provenance)


@pytest.mark.parametrize(
    ("provenance", "reason"), [(Provenance.STRATIFIED, "over-represented"), (Provenance.TRAINING, "train the model")]
)
def test_only_a_random_sample_fits_simple_estimators(provenance, reason):
    with pytest.raises(ShareError, match=reason):
        estimate_random(plan_random(100, 20), np.ones(20, bool), np.ones(100, bool), provenance=provenance)
    with pytest.raises(ShareError, match=reason):
        ppi(np.ones(10, bool), np.ones(10), np.ones(10), provenance)


def test_provenance_is_written_in_words():
    assert [str(word) for word in Provenance] == ["random_from_target", "stratified_audit", "training"]


def test_refuses_a_plan_of_other_documents(target, calibration):
    scores, truth = target
    drawn = plan(scores, calibration)
    positive = truth[drawn.rows]
    with pytest.raises(ShareError, match="20000 documents, these are 19999"):
        estimate(drawn, positive, scores[:-1], calibration)
    with pytest.raises(ShareError, match="other documents"):
        estimate(drawn, positive, scores[::-1].copy(), calibration)
    with pytest.raises(ShareError, match="299 judgements for a plan of 300"):
        estimate(drawn, positive[:-1], scores, calibration)
    with pytest.raises(ShareError, match="no judgement in stratum 4"):
        estimate(drawn, positive, scores, calibration, judged=drawn.stratum != 3)


# --- plain random samples


def sampled(truth, tagged, n=300, seed=0, **options):
    drawn = plan_random(len(truth), n, seed)
    return estimate_random(drawn, truth[drawn.rows], tagged, **options)


def test_a_random_sample_is_drawn_evenly_and_by_its_seed():
    drawn = plan_random(1000, 300, 1)
    assert len(set(drawn.rows.tolist())) == 300
    assert set(drawn.rows.tolist()) <= set(range(1000))
    assert drawn.weight.sum() == pytest.approx(1000)
    assert (drawn.stratum == 0).all()
    assert drawn.sizes.tolist() == [1000]
    assert np.array_equal(drawn.rows, plan_random(1000, 300, 1).rows)
    assert not np.array_equal(drawn.rows, plan_random(1000, 300, 2).rows)
    often = np.bincount(np.concatenate([plan_random(50, 20, seed).rows for seed in range(400)]), minlength=50)
    assert often.min() > 110
    assert often.max() < 210
    assert len(plan_random(30, 300).rows) == 30
    with pytest.raises(ShareError, match="at least 20 judgements, not 19"):
        plan_random(1000, 19)
    with pytest.raises(ShareError, match="no documents to audit"):
        plan_random(0)


def test_the_share_of_a_random_sample_is_the_exact_interval_of_a_proportion():
    truth, tagged = np.arange(1_000_000) % 100 == 0, np.arange(1_000_000) % 50 == 0
    found = sampled(truth, tagged)
    positives = round(found.share.share * 300)
    assert (found.share.low, found.share.high) == pytest.approx(exact(positives, 300), rel=1e-3)
    assert (found.share.naive, found.share.n, found.share.method) == (0.02, 1_000_000, "A")
    assert "e" not in found.share.flags
    assert found.checked == 300


def test_a_random_sample_covers_at_its_level_and_says_how_good_the_tagger_is():
    rng = np.random.default_rng(0)
    truth = rng.random(2000) < 0.1
    tagged = np.where(truth, rng.random(2000) < 0.7, rng.random(2000) < 0.02)
    precision, recall = truth[tagged].mean(), tagged[truth].mean()
    inside = np.zeros(3)
    for seed in range(200):
        found = sampled(truth, tagged, seed=seed)
        for place, (figure, true) in enumerate(
            ((found.share, truth.mean()), (found.precision, precision), (found.recall, recall))
        ):
            inside[place] += figure.low <= true <= figure.high
        assert found.bulk_checked == (~tagged[plan_random(2000, 300, seed).rows]).sum()
        assert found.sentence.endswith("checked where nothing was tagged were positive") or found.bulk_positive == 1
    assert (inside >= 186).all()


@given(st.integers(0, 400), st.integers(20, 400), st.integers(0, 2**31))
def test_what_a_random_sample_says_is_certain_only_if_all_was_judged(positives, n, seed):
    truth = np.random.default_rng(seed).permutation(np.arange(400) < positives)
    found = sampled(truth, np.arange(400) % 3 == 0, n, seed)
    share = found.share
    assert 0 <= share.low <= share.share <= share.high <= 1
    if n == 400:
        assert share.low == share.share == share.high == positives / 400
        assert found.error == 0
    else:
        assert share.low < share.high
        assert found.error > 0
    for figure in (found.precision, found.recall):
        assert figure.reason or 0 <= figure.low <= figure.value <= figure.high <= 1


def test_rows_of_a_random_sample_that_nobody_judged_are_in_no_figure():
    truth, tagged = np.arange(1000) % 10 == 0, np.arange(1000) % 10 < 2
    drawn = plan_random(1000, 100)
    judged = np.arange(100) < 60
    found = estimate_random(drawn, truth[drawn.rows], tagged, judged=judged)
    assert found.checked == 60
    assert found.share.share == truth[drawn.rows[:60]].mean()
    assert repr(found) == repr(estimate_random(drawn, truth[drawn.rows] & judged, tagged, judged=judged))  # nan equals nan


def test_what_a_random_sample_cannot_say_is_withheld():
    nothing = np.zeros(1000, bool)
    found = sampled(nothing, nothing)
    assert found.share.low == found.share.share == 0 < found.share.high
    assert (found.precision.reason, found.recall.reason) == ("no document was tagged", "no positive was found")
    assert sampled(nothing, np.arange(1000) == 0, 20, 1).precision.reason == "no tagged document was judged"


def test_a_random_sample_of_other_documents_is_refused():
    drawn, truth = plan_random(100, 20), np.ones(20, bool)
    for arguments, said in (
        ((drawn, truth, np.ones(99, bool)), "drawn from 100 documents, these are 99"),
        ((drawn, truth[:-1], np.ones(100, bool)), "19 judgements for a plan of 20"),
    ):
        with pytest.raises(ShareError, match=said):
            estimate_random(*arguments)
    with pytest.raises(ShareError, match="no judgements"):
        estimate_random(drawn, truth, np.ones(100, bool), judged=~truth)


def test_a_random_sample_costs_what_it_says_and_more_than_a_stratified_one(target, calibration):
    scores, truth = target
    n = random_size(scores, calibration, 0.5)
    assert n > audit_size(scores, calibration, 0.5)
    widths = [sampled(truth, scores >= calibration.threshold, n, seed).share for seed in range(20)]
    assert np.median([(share.high - share.low) / 2 / truth.mean() for share in widths]) == pytest.approx(0.5, rel=0.3)
    sizes = [random_size(scores, calibration, width) for width in (2.0, 1.0, 0.5, 0.2, 0.001)]
    assert sizes == sorted(sizes)
    assert sizes[-1] <= len(scores)
    with pytest.raises(ShareError, match="above 0"):
        random_size(scores, calibration, 0)


def test_ppi_equals_ppi_python():
    positive = np.array([1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0], bool)
    predicted = np.array([0.9, 0.1, 0.2, 0.4, 0.05, 0.02, 0.3, 0.7, 0.01, 0.15, 0.6, 0.08])
    rest = np.linspace(0.01, 0.5, 40) ** 1.5
    found = ppi(positive, predicted, rest, Provenance.RANDOM)  # ppi-python 0.2.3: ppi_mean_ci(..., alpha=.05, lam=1)
    assert (found.value, found.low, found.high) == pytest.approx((0.10264759, -0.06166001, 0.26695519), abs=1e-8)
    with pytest.raises(ShareError, match="0 judgements"):
        ppi(np.empty(0, bool), np.empty(0), rest, Provenance.RANDOM)


# --- what an audit costs


def test_audit_size_is_what_comes_out(target, calibration):
    scores, truth = target
    n = audit_size(scores, calibration, 0.5)
    assert 20 < n < N
    shares = [audited(scores, truth, calibration, seed, n).share for seed in range(20)]
    reached = np.median([(share.high - share.low) / 2 / truth.mean() for share in shares])
    assert reached == pytest.approx(0.5, rel=0.25)


def test_audit_size_grows_with_the_demand(target, calibration):
    sizes = [audit_size(target[0], calibration, width) for width in (2.0, 1.0, 0.5, 0.2, 0.001)]
    assert sizes == sorted(sizes)
    assert sizes[-1] <= N
    with pytest.raises(ShareError, match="above 0"):
        audit_size(target[0], calibration, 0)


def test_plan_holds_arrays_only(target, calibration):
    drawn = plan(target[0], calibration)
    assert Plan(drawn.rows, drawn.stratum, drawn.weight, drawn.sizes).rows is drawn.rows
