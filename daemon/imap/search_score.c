/* imap/search_score.c: the tree against a message, and how well it fits (RFC 6203 4):
 *
 *   a key of FUZZY ──▶ its score; an alternative ──▶ the best of what fits; several that all must fit ──▶ their mean; NOT, and other keys ──▶ none
 *
 * Nothing is left out that could change the score, so it is the same whatever the index knows and whatever is read first.
 */
#include "daemon/imap/search.h"

#define FITS 100 /* by keys that have no score */

struct judged {
	enum search_answer answer;
	uint8_t score; /* 0: none */
};

static struct judged judge_parent(const struct search_tree *tree, const struct search_node *node, const struct judged *all)
{
	unsigned sum = 0, scored = 0;
	bool some_no = false, some_yes = false, some_unsure = false;
	uint8_t best = 0;

	for (uint32_t child = node->first_child; child; child = tree->nodes[child].next) {
		const struct judged *j = &all[child];

		some_no = some_no || j->answer == SEARCH_NO;
		some_yes = some_yes || j->answer == SEARCH_YES;
		some_unsure = some_unsure || j->answer == SEARCH_UNSURE;
		sum += j->score;
		scored += j->score > 0;
		best = j->score > best ? j->score : best;
	}
	if (some_unsure)
		return (struct judged){ SEARCH_UNSURE, 0 };
	if (node->op == SEARCH_NOT)
		return (struct judged){ some_no ? SEARCH_YES : SEARCH_NO, 0 };
	if (node->op == SEARCH_OR)
		return (struct judged){ some_yes ? SEARCH_YES : SEARCH_NO, best };
	return some_no ? (struct judged){ SEARCH_NO, 0 } : (struct judged){ SEARCH_YES, (uint8_t)(scored ? sum / scored : 0) };
}

/* Children stand behind their parents. */
enum search_answer search_scores(const struct search_tree *tree, const struct search_message *m, uint8_t *score_out)
{
	struct judged all[IMAP_SEARCH_NODES_MAX];

	if (search_matches(tree, m) == SEARCH_NO)
		return SEARCH_NO;
	all[0] = (struct judged){ SEARCH_YES, 0 };
	for (size_t i = tree->count; i-- > 0;) {
		const struct search_node *node = &tree->nodes[i];

		if (node->op == SEARCH_AND || node->op == SEARCH_OR || node->op == SEARCH_NOT)
			all[i] = judge_parent(tree, node, all);
		else
			all[i].answer = search_leaf_matches(node, m, &all[i].score);
	}
	*score_out = all[0].score ? all[0].score : FITS;
	return all[0].answer;
}
