// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsprintf.c - formatted output into buffers.
 *
 * One pass over the format: literal text is copied, a conversion is parsed into a struct spec and
 * then printed. emit() counts every character and stores those that fit, so the length is right
 * whatever the buffer's size. Pointers are printed as they are (there is nobody to hide them from),
 * in hexadecimal with 0x.
 */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/printk.h>
#include <linux/string.h>

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, plus, space, zero, alt;
	int width, precision;		/* precision -1: none */
	enum { L_INT, L_CHAR, L_SHORT, L_LONG, L_LLONG, L_SIZE } length;
};

static void emit(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		emit(o, c);
}

static void emit_text(struct out *o, const struct spec *sp, const char *s, int len)
{
	if (!sp->left)
		pad(o, ' ', sp->width - len);
	for (int i = 0; i < len; i++)
		emit(o, s[i]);
	if (sp->left)
		pad(o, ' ', sp->width - len);
}

static void emit_string(struct out *o, const struct spec *sp, const char *s)
{
	int len = 0;

	if (!s)
		s = "(null)";
	while ((sp->precision < 0 || len < sp->precision) && s[len])
		len++;
	emit_text(o, sp, s, len);
}

static void emit_number(struct out *o, const struct spec *sp, u64 value, bool negative, bool is_signed,
			unsigned int base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24], prefix[3];
	int n = 0, zeros, nr_prefix = 0, fill;

	if (sp->alt && base == 16 && value) {
		prefix[nr_prefix++] = '0';
		prefix[nr_prefix++] = upper ? 'X' : 'x';
	}
	if (negative)
		prefix[nr_prefix++] = '-';
	else if (is_signed && sp->plus)
		prefix[nr_prefix++] = '+';
	else if (is_signed && sp->space)
		prefix[nr_prefix++] = ' ';
	while (value) {
		tmp[n++] = digits[value % base];
		value /= base;
	}
	zeros = (sp->precision < 0 ? 1 : sp->precision) - n;
	if (zeros < 0)
		zeros = 0;
	if (sp->alt && base == 8 && !zeros)
		zeros = 1;
	fill = sp->width - n - zeros - nr_prefix;
	if (sp->zero && !sp->left && sp->precision < 0 && fill > 0) {
		zeros += fill;
		fill = 0;
	}
	if (!sp->left)
		pad(o, ' ', fill);
	for (int i = 0; i < nr_prefix; i++)
		emit(o, prefix[i]);
	pad(o, '0', zeros);
	while (n)
		emit(o, tmp[--n]);
	if (sp->left)
		pad(o, ' ', fill);
}

static const char *parse_number(const char *f, int *out)
{
	*out = 0;
	while (*f >= '0' && *f <= '9')
		*out = *out * 10 + (*f++ - '0');
	return f;
}

static const char *parse_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		switch (*f) {
		case '-':
			sp->left = true;
			break;
		case '+':
			sp->plus = true;
			break;
		case ' ':
			sp->space = true;
			break;
		case '0':
			sp->zero = true;
			break;
		case '#':
			sp->alt = true;
			break;
		default:
			return f;
		}
	}
}

static const char *parse_length(const char *f, struct spec *sp)
{
	sp->length = L_INT;
	if (*f == 'h') {
		sp->length = f[1] == 'h' ? L_CHAR : L_SHORT;
		return f + (sp->length == L_CHAR ? 2 : 1);
	}
	if (*f == 'l') {
		sp->length = f[1] == 'l' ? L_LLONG : L_LONG;
		return f + (sp->length == L_LLONG ? 2 : 1);
	}
	if (*f == 'z' || *f == 't') {
		sp->length = L_SIZE;
		return f + 1;
	}
	return f;
}

/* va_list is an array on some machines: a pointer to it has to be passed through a struct. */
struct args {
	va_list ap;
};

static const char *parse_spec(const char *f, struct spec *sp, struct args *a)
{
	*sp = (struct spec){ .precision = -1 };
	f = parse_flags(f, sp);
	if (*f == '*') {
		sp->width = va_arg(a->ap, int);
		if (sp->width < 0) {
			sp->left = true;
			sp->width = -sp->width;
		}
		f++;
	} else {
		f = parse_number(f, &sp->width);
	}
	if (*f == '.') {
		f++;
		if (*f == '*') {
			sp->precision = va_arg(a->ap, int);
			f++;
		} else {
			f = parse_number(f, &sp->precision);
		}
	}
	return parse_length(f, sp);
}

static s64 get_signed(const struct spec *sp, struct args *a)
{
	switch (sp->length) {
	case L_CHAR:
		return (signed char)va_arg(a->ap, int);
	case L_SHORT:
		return (short)va_arg(a->ap, int);
	case L_LONG:
	case L_SIZE:
		return va_arg(a->ap, long);
	case L_LLONG:
		return va_arg(a->ap, long long);
	default:
		return va_arg(a->ap, int);
	}
}

static u64 get_unsigned(const struct spec *sp, struct args *a)
{
	switch (sp->length) {
	case L_CHAR:
		return (unsigned char)va_arg(a->ap, unsigned int);
	case L_SHORT:
		return (unsigned short)va_arg(a->ap, unsigned int);
	case L_LONG:
	case L_SIZE:
		return va_arg(a->ap, unsigned long);
	case L_LLONG:
		return va_arg(a->ap, unsigned long long);
	default:
		return va_arg(a->ap, unsigned int);
	}
}

static void convert(struct out *o, char conv, struct spec *sp, struct args *a)
{
	s64 v;
	char c;

	switch (conv) {
	case 'd':
	case 'i':
		v = get_signed(sp, a);
		emit_number(o, sp, v < 0 ? 0 - (u64)v : (u64)v, v < 0, true, 10, false);
		break;
	case 'u':
		emit_number(o, sp, get_unsigned(sp, a), false, false, 10, false);
		break;
	case 'x':
	case 'X':
		emit_number(o, sp, get_unsigned(sp, a), false, false, 16, conv == 'X');
		break;
	case 'o':
		emit_number(o, sp, get_unsigned(sp, a), false, false, 8, false);
		break;
	case 'p':
		sp->alt = true;
		emit_number(o, sp, (uintptr_t)va_arg(a->ap, void *), false, false, 16, false);
		break;
	case 'c':
		c = (char)va_arg(a->ap, int);
		emit_text(o, sp, &c, 1);
		break;
	case 's':
		emit_string(o, sp, va_arg(a->ap, const char *));
		break;
	case '%':
		emit(o, '%');
		break;
	default:
		kc_trap("vsnprintf: an unknown conversion");
	}
}

/**
 * vsnprintf - print into a buffer
 * @buf: may be NULL when @size is 0
 * @size: of @buf in bytes; the result is cut to it and always terminated
 * @fmt: see linux/printk.h for what is understood; anything else traps
 * @args: its arguments
 *
 * Return: the length that the whole text has, without the final zero.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	struct spec sp;
	struct args a;

	va_copy(a.ap, args);
	while (*fmt) {
		if (*fmt != '%') {
			emit(&o, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &sp, &a);
		convert(&o, *fmt, &sp, &a);
		fmt++;
	}
	va_end(a.ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = 0;
	return (int)o.len;
}

/** snprintf - vsnprintf() with its arguments given */
int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

/** vscnprintf - vsnprintf() that returns the length of what is in @buf */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, size, fmt, args);

	if (!size)
		return 0;
	return (size_t)len < size ? len : (int)size - 1;
}

/** scnprintf - vscnprintf() with its arguments given */
int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
