/* mime/date.c: calendar arithmetic of our own, proleptic Gregorian, years 0001 to 9999; no time zone of the machine takes part. */
#include "daemon/mime/date.h"

#include "daemon/mime/lex.h"

#define DAYS_TO_1970 719162 /* from 0001-01-01 */
#define DAYS_400 146097
#define DAYS_100 36524
#define DAYS_4 1461
#define SECONDS_MIN (-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX 253402300799   /* 9999-12-31T23:59:59Z */

static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[7][4] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" }; /* 0001-01-01 was a Monday */

struct civil {
	int year, month, day, hour, minute, second; /* month and day from 1 */
};

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days since 1970-01-01; the date is valid. */
static int64_t days_of(const struct civil *c)
{
	int64_t before = c->year - 1;
	int64_t days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int month = 1; month < c->month; month++)
		days += month_days(c->year, month);
	return days + c->day - 1 - DAYS_TO_1970;
}

static bool civil_is_valid(const struct civil *c)
{
	return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= month_days(c->year, c->month) &&
	       c->hour <= 23 && c->minute <= 59 && c->second <= 60; /* 60: a leap second is the next second here */
}

/* Returns the weekday, 0 is Monday. `seconds` is within SECONDS_MIN and SECONDS_MAX. */
static int civil_from(int64_t seconds, struct civil *out)
{
	int64_t since = seconds - SECONDS_MIN;
	int64_t days = since / 86400;
	int second = (int)(since % 86400);
	int weekday = (int)(days % 7);
	int64_t q400 = days / DAYS_400, q100, q4, q1;

	days %= DAYS_400;
	q100 = days / DAYS_100 > 3 ? 3 : days / DAYS_100; /* the last day of 400 years belongs to the fourth century */
	days -= q100 * DAYS_100;
	q4 = days / DAYS_4;
	days %= DAYS_4;
	q1 = days / 365 > 3 ? 3 : days / 365; /* and the last of a leap year to that year */
	days -= q1 * 365;
	out->year = (int)(q400 * 400 + q100 * 100 + q4 * 4 + q1 + 1);
	out->month = 1;
	while (days >= month_days(out->year, out->month))
		days -= month_days(out->year, out->month++);
	out->day = (int)days + 1;
	out->hour = second / 3600;
	out->minute = second / 60 % 60;
	out->second = second % 60;
	return weekday;
}

static int64_t within(int64_t seconds)
{
	return seconds < SECONDS_MIN ? SECONDS_MIN : seconds > SECONDS_MAX ? SECONDS_MAX
									   : seconds;
}

/* Rounds down, and holds what is printed to four digits of year. */
static int64_t seconds_of(int64_t unix_ms, int offset_minutes)
{
	int64_t seconds = unix_ms / 1000 - (unix_ms % 1000 < 0 ? 1 : 0);

	return within(within(seconds) + (int64_t)offset_minutes * 60);
}

/* Up to `max` digits; their count, 0 when there is none. */
static int take_digits(struct span *s, int max, int *out)
{
	int count = 0, value = 0;

	while (count < max && s->len > 0 && ascii_is_digit(s->ptr[0])) {
		value = value * 10 + (s->ptr[0] - '0');
		*s = span_skip(*s, 1);
		count++;
	}
	*out = value;
	return count;
}

static bool take_char(struct span *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

static bool take_month(struct span *s, int *out)
{
	for (int i = 0; i < 12; i++)
		if (span_istarts(*s, span_make(month_names[i], 3))) {
			*s = span_skip(*s, 3);
			*out = i + 1;
			return true;
		}
	return false;
}

/* "+hhmm". */
static bool take_offset(struct span *s, int *minutes_out)
{
	bool west = s->len > 0 && s->ptr[0] == '-';
	int digits;

	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (take_digits(s, 4, &digits) != 4 || digits % 100 > 59)
		return false;
	digits = digits / 100 * 60 + digits % 100;
	*minutes_out = west ? -digits : digits;
	return true;
}

static enum err date_from(const struct civil *c, int offset_minutes, struct date *out)
{
	int64_t seconds;

	if (!civil_is_valid(c))
		return c->year < 1 || c->year > 9999 ? ERR_LIMIT : ERR_SYNTAX;
	seconds = days_of(c) * 86400 + c->hour * 3600 + c->minute * 60 + c->second - (int64_t)offset_minutes * 60;
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return ERR_LIMIT;
	out->unix_ms = seconds * 1000;
	out->offset_minutes = offset_minutes;
	return ERR_OK;
}

/* RFC 5322 4.3: zones by name; the military letters and unknown names count as -0000. */
static void take_zone(struct span *s, int *minutes_out)
{
	static const struct {
		char name[4];
		int hours;
	} zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 } };

	*minutes_out = 0;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (span_istarts(*s, span_make(zones[i].name, 3)))
			*minutes_out = zones[i].hours * 60;
}

/* year = 4*DIGIT, obs-year = 2*DIGIT: 00 to 49 is 20xx, 50 to 99 and three digits count from 1900. */
static bool take_year(struct span *s, int *out)
{
	int digits = take_digits(s, 5, out);

	if (digits == 2)
		*out += *out < 50 ? 2000 : 1900;
	else if (digits == 3)
		*out += 1900;
	return digits >= 2 && digits <= 4;
}

/* hour ":" minute [":" second], with the blanks of obs-time-of-day. */
static bool take_time(struct span *s, struct civil *c)
{
	int digits = take_digits(s, 2, &c->hour);

	lex_skip_cfws(s);
	if (digits == 0 || !take_char(s, ':'))
		return false;
	lex_skip_cfws(s);
	if (take_digits(s, 2, &c->minute) != 2)
		return false;
	lex_skip_cfws(s);
	if (!take_char(s, ':'))
		return true;
	lex_skip_cfws(s);
	return take_digits(s, 2, &c->second) == 2;
}

/* date-time = [ day-of-week "," ] day month year time zone; a missing zone is taken as +0000, what follows the zone is ignored. */
enum err date_parse_header(struct span in, struct date *out)
{
	struct civil c = { 0 };
	int offset = 0;

	lex_skip_cfws(&in);
	if (in.len > 0 && ascii_is_alpha(in.ptr[0])) {
		while (in.len > 0 && ascii_is_alpha(in.ptr[0]))
			in = span_skip(in, 1);
		lex_skip_cfws(&in);
		(void)take_char(&in, ',');
		lex_skip_cfws(&in);
	}
	if (take_digits(&in, 2, &c.day) == 0)
		return ERR_SYNTAX;
	lex_skip_cfws(&in);
	if (!take_month(&in, &c.month))
		return ERR_SYNTAX;
	lex_skip_cfws(&in);
	if (!take_year(&in, &c.year))
		return ERR_SYNTAX;
	lex_skip_cfws(&in);
	if (!take_time(&in, &c))
		return ERR_SYNTAX;
	lex_skip_cfws(&in);
	if (in.len > 0 && (in.ptr[0] == '+' || in.ptr[0] == '-')) {
		if (!take_offset(&in, &offset))
			return ERR_SYNTAX;
	} else {
		take_zone(&in, &offset);
	}
	return date_from(&c, offset, out) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

void date_write_header(int64_t unix_ms, struct buf *out)
{
	struct civil c;
	int weekday = civil_from(seconds_of(unix_ms, 0), &c);

	buf_addf(out, "%s, %d %s %04d %02d:%02d:%02d +0000", day_names[weekday], c.day, month_names[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* 2DIGIT ":" 2DIGIT ":" 2DIGIT */
static bool take_clock(struct span *s, struct civil *c)
{
	return take_digits(s, 2, &c->hour) == 2 && take_char(s, ':') && take_digits(s, 2, &c->minute) == 2 && take_char(s, ':') && take_digits(s, 2, &c->second) == 2;
}

/* date-day-fixed "-" date-month "-" date-year SP time SP zone; the day is two digits or a space and one. */
enum err date_parse_imap(struct span in, struct date *out)
{
	struct civil c = { 0 };
	bool one_digit = take_char(&in, ' ');
	int offset;

	if (take_digits(&in, 2, &c.day) != (one_digit ? 1 : 2) || !take_char(&in, '-') || !take_month(&in, &c.month) || !take_char(&in, '-'))
		return ERR_SYNTAX;
	if (take_digits(&in, 4, &c.year) != 4 || !take_char(&in, ' ') || !take_clock(&in, &c) || !take_char(&in, ' '))
		return ERR_SYNTAX;
	if (!take_offset(&in, &offset) || in.len > 0)
		return ERR_SYNTAX;
	return date_from(&c, offset, out);
}

static void write_digits(char *to, int number, int digits)
{
	while (digits-- > 0) {
		to[digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

/* One a message in lists: without printf. */
void date_write_imap(int64_t unix_ms, int offset_minutes, struct buf *out)
{
	int offset = offset_minutes > 5999 || offset_minutes < -5999 ? 0 : offset_minutes;
	int zone = offset < 0 ? -offset : offset;
	char text[26];
	struct civil c;

	(void)civil_from(seconds_of(unix_ms, offset), &c);
	write_digits(text, c.day, 2);
	text[2] = text[6] = '-';
	memcpy(text + 3, month_names[c.month - 1], 3);
	write_digits(text + 7, c.year, 4);
	text[11] = text[20] = ' ';
	write_digits(text + 12, c.hour, 2);
	text[14] = text[17] = ':';
	write_digits(text + 15, c.minute, 2);
	write_digits(text + 18, c.second, 2);
	text[21] = offset < 0 ? '-' : '+';
	write_digits(text + 22, zone / 60, 2);
	write_digits(text + 24, zone % 60, 2);
	buf_add(out, span_make(text, sizeof(text)));
}

/* date-text = date-day "-" date-month "-" date-year */
enum err date_parse_day(struct span in, int64_t *day_out)
{
	struct civil c = { 0 };

	if (take_digits(&in, 2, &c.day) == 0 || !take_char(&in, '-') || !take_month(&in, &c.month) || !take_char(&in, '-'))
		return ERR_SYNTAX;
	if (take_digits(&in, 4, &c.year) != 4 || in.len > 0 || !civil_is_valid(&c))
		return ERR_SYNTAX;
	*day_out = days_of(&c);
	return ERR_OK;
}

/* time-secfrac = "." 1*DIGIT */
static bool take_fraction(struct span *s, int *ms_out)
{
	int digit, place = 100;

	*ms_out = 0;
	if (!take_char(s, '.'))
		return true;
	if (take_digits(s, 1, &digit) != 1)
		return false;
	do {
		*ms_out += digit * place;
		place /= 10;
	} while (take_digits(s, 1, &digit) == 1);
	return true;
}

/* time-offset = "Z" / time-numoffset */
static bool take_offset_with_colon(struct span *s, int *minutes_out)
{
	int sign = s->len > 0 && s->ptr[0] == '-' ? -1 : 1, hours, minutes;

	*minutes_out = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (take_digits(s, 2, &hours) != 2 || hours > 23 || !take_char(s, ':') || take_digits(s, 2, &minutes) != 2 || minutes > 59)
		return false;
	*minutes_out = sign * (hours * 60 + minutes);
	return true;
}

/* date-time = full-date "T" full-time; T and Z in either case (the note in 5.6). */
enum err date_parse_rfc3339(struct span in, int64_t *unix_ms_out)
{
	struct civil c = { 0 };
	struct date date;
	int offset, ms;
	enum err e;

	if (take_digits(&in, 4, &c.year) != 4 || !take_char(&in, '-') || take_digits(&in, 2, &c.month) != 2 || !take_char(&in, '-') || take_digits(&in, 2, &c.day) != 2)
		return ERR_SYNTAX;
	if (!take_char(&in, 'T') && !take_char(&in, 't'))
		return ERR_SYNTAX;
	if (!take_clock(&in, &c) || !take_fraction(&in, &ms) || !take_offset_with_colon(&in, &offset) || in.len > 0)
		return ERR_SYNTAX;
	e = date_from(&c, offset, &date);
	if (e == ERR_OK)
		*unix_ms_out = date.unix_ms + ms;
	return e;
}

void date_write_rfc3339(int64_t unix_ms, struct buf *out)
{
	int ms = (int)(unix_ms % 1000);
	struct civil c;

	(void)civil_from(seconds_of(unix_ms, 0), &c);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour, c.minute, c.second, ms < 0 ? ms + 1000 : ms);
}
