/* queue/breaker.c: when an account is stopped.
 *
 * What a stolen account looks like: a password comes out of a leak or a phishing page, and is sold to somebody who has a list of some ten thousand
 * addresses and a few hours until it is noticed. He logs in from many addresses at once and sends as fast as he is let. So
 *
 *   - the rate is far above all that this account has ever sent (people send a few dozen an hour, at most);
 *   - nearly all recipients are strangers to it (people write to people they have written to before);
 *   - the list is old and guessed: a quarter to a half of the addresses do not exist, where a list that somebody uses loses one or two in a hundred.
 *
 * What is like it and is not: the first newsletter to 500 customers. It is strangers, and more than ever before, but few of them fail, and it is over
 * after 500. Hence the rules:
 *
 *   bounces         A quarter of the recipients of the last two hours' messages failed for good, and at least 30. The surest sign, so it holds at any rate; a
 *                   newsletter of which that many fail is a list that should not be written to, either.
 *   rate            At least 600 in an hour (RATE_FLOOR; more where the general limit was raised), eight times the busiest hour of the account's last
 *                   four weeks, and half of them strangers. Who sends newsletters has such an hour behind him, and is not stopped by the next.
 *   new_recipients  The slow thief, who stays below the rate: at least 800 strangers in a day, nine of ten recipients, eight times as many as on any day of
 *                   the last four weeks.
 *
 * An account to which an administrator has given limits of its own has had somebody think about what it sends: rate and strangers are then left to
 * those limits. Peers on loopback and in trusted networks are not counted at all. A false alarm costs a delay and a look (the mail is held, one call
 * releases it, and what was released counts as the account's past from then on); a missed one costs the server's name for weeks.
 */
#include "daemon/queue/breaker.h"

#include <inttypes.h>
#include <stdio.h>

#define BOUNCES_FLOOR 30
#define BOUNCES_SHARE 4 /* one of */
#define RATE_FLOOR 600
#define NEW_FLOOR 800
#define PAST_TIMES 8
#define PAST_LEAST 10 /* who has hardly sent anything is judged as one who has sent that */

/* The floor, or its part of a limit that was raised above the default. */
static uint64_t floor_of(uint64_t least, int64_t limit, unsigned tenths)
{
	uint64_t part = limit > 0 ? (uint64_t)limit / 10 * tenths : 0;

	return part > least ? part : least;
}

static bool is_beyond_past(uint64_t now, uint64_t past)
{
	return now >= PAST_TIMES * (past > PAST_LEAST ? past : PAST_LEAST);
}

const char *breaker_judge(const struct breaker_facts *f, char *detail, size_t room)
{
	if (f->failed >= BOUNCES_FLOOR && f->failed * BOUNCES_SHARE >= f->failed_of) {
		(void)snprintf(detail, room, "%" PRIu64 " of the last %" PRIu64 " recipients failed for good", f->failed, f->failed_of);
		return "bounces";
	}
	if (f->own_limits)
		return NULL;
	if (f->hour >= floor_of(RATE_FLOOR, f->limit_hour, 6) && is_beyond_past(f->hour, f->peak_hour) && f->hour_new * 2 >= f->hour) {
		(void)snprintf(detail, room, "%" PRIu64 " recipients within an hour, %" PRIu64 " of them for the first time; the busiest hour of the last four weeks had %" PRIu64, f->hour, f->hour_new, f->peak_hour);
		return "rate";
	}
	if (f->day_new >= floor_of(NEW_FLOOR, f->limit_new, 8) && is_beyond_past(f->day_new, f->peak_new_day) && f->day_new * 10 >= f->day * 9) {
		(void)snprintf(detail, room, "%" PRIu64 " recipients written to for the first time within a day, of %" PRIu64 "; the most of a day in the last four weeks was %" PRIu64, f->day_new, f->day, f->peak_new_day);
		return "new_recipients";
	}
	return NULL;
}
